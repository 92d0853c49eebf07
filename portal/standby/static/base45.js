// Base45 (RFC 9285) to bytes; throws for anything that no bytes encode to.
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

export function decodeBase45(text) {
  const bytes = [];
  for (let at = 0; at < text.length; at += 3) {
    const group = text.slice(at, at + 3);
    let value = 0;
    for (let place = group.length - 1; place >= 0; place -= 1) {
      const digit = ALPHABET.indexOf(group[place]);
      if (digit < 0) throw new RangeError("not base45");
      value = value * 45 + digit;
    }
    if (group.length === 1 || value > (group.length === 3 ? 0xffff : 0xff)) throw new RangeError("not base45");
    if (group.length === 3) bytes.push(value >> 8);
    bytes.push(value & 0xff);
  }
  return Uint8Array.from(bytes);
}

export function decodeBase64(text) {
  const plain = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(plain + "=".repeat((4 - (plain.length % 4)) % 4)), (letter) => letter.charCodeAt(0));
}
