// A reader for the CBOR that health certificates use: definite lengths, no floats but null and booleans, bounded depth.
const DEPTH_MAX = 16;

export class Tagged {
  constructor(tag, value) {
    this.tag = tag;
    this.value = value;
  }
}

// One item and nothing after it; maps become Map; throws for everything else.
export function readCbor(bytes) {
  const reader = new Reader(bytes);
  const item = reader.item(0);
  if (reader.at !== bytes.length) throw new RangeError("bytes after the item");
  return item;
}

// The canonical head and content of a byte string, for what a signature is over.
export function writeBytes(bytes) {
  return concatenate([writeHead(2, bytes.length), bytes]);
}

export function writeText(text) {
  const bytes = new TextEncoder().encode(text);
  return concatenate([writeHead(3, bytes.length), bytes]);
}

export function writeArray(items) {
  return concatenate([writeHead(4, items.length), ...items]);
}

function writeHead(major, length) {
  const lead = major << 5;
  if (length < 24) return Uint8Array.of(lead | length);
  if (length < 0x100) return Uint8Array.of(lead | 24, length);
  return Uint8Array.of(lead | 25, length >> 8, length & 0xff);
}

function concatenate(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  take(length) {
    if (length > this.bytes.length - this.at) throw new RangeError("cut short");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  length(short) {
    if (short < 24) return short;
    const start = this.at;
    this.take({ 24: 1, 25: 2, 26: 4, 27: 8 }[short] ?? Infinity);
    if (short === 24) return this.view.getUint8(start);
    if (short === 25) return this.view.getUint16(start);
    if (short === 26) return this.view.getUint32(start);
    const big = this.view.getBigUint64(start);
    if (big > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError("a number too large");
    return Number(big);
  }

  item(depth) {
    if (depth > DEPTH_MAX) throw new RangeError("too deep");
    const lead = this.take(1)[0];
    const [major, short] = [lead >> 5, lead & 31];
    if (major === 7) return simple(short);
    const number = this.length(short);
    switch (major) {
      case 0: return number;
      case 1: return -1 - number;
      case 2: return this.take(number);
      case 3: return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.take(number));
      case 4: return this.items(number, depth);
      case 5: return this.map(number, depth);
      default: return new Tagged(number, this.item(depth + 1));
    }
  }

  items(count, depth) {
    const items = [];
    for (let number = 0; number < count; number += 1) items.push(this.item(depth + 1));
    return items;
  }

  map(count, depth) {
    const map = new Map();
    for (let number = 0; number < count; number += 1) {
      const key = this.item(depth + 1);
      if (map.has(key)) throw new RangeError("a key twice");
      map.set(key, this.item(depth + 1));
    }
    return map;
  }
}

function simple(short) {
  const known = new Map([[20, false], [21, true], [22, null]]);
  if (!known.has(short)) throw new RangeError("a value that certificates do not use");
  return known.get(short);
}
