// Fetches a certificate's bundle by its name and opens it with the secret behind `#`, which is never sent.
import { decodeBase64 } from "./base45.js";
import { inflate } from "./inflate.js";

const VERSION = 1;
const NONCE_BYTES = 12;
const SECRET_BYTES = 16;
const CONTENT_BYTES_MAX = 1024 * 1024;
const encoder = new TextEncoder();

export class Trouble extends Error {
  constructor(word) {
    super(word);
    this.word = word;
  }
}

export async function openBundle(name, fragment) {
  const secret = secretOf(fragment);
  const data = await fetchBundle(name);
  const key = await keyOf(secret);
  let plain;
  try {
    if (data[0] !== VERSION) throw new Trouble("link_wrong");
    const settings = { name: "AES-GCM", iv: data.subarray(1, 1 + NONCE_BYTES), additionalData: encoder.encode(name) };
    plain = new Uint8Array(await crypto.subtle.decrypt(settings, key, data.subarray(1 + NONCE_BYTES)));
  } catch {
    throw new Trouble("link_wrong");
  }
  const length = new DataView(plain.buffer).getUint32(0);
  const content = await inflate(plain.subarray(4, 4 + length), "deflate", CONTENT_BYTES_MAX);
  return JSON.parse(new TextDecoder().decode(content));
}

function secretOf(fragment) {
  try {
    const secret = decodeBase64(fragment);
    if (secret.length === SECRET_BYTES) return secret;
  } catch {
    // Not base64: the same as none.
  }
  throw new Trouble("link_incomplete");
}

async function fetchBundle(name) {
  let answer;
  try {
    answer = await fetch(`/b/${name.slice(0, 2)}/${name}.enc`, { credentials: "omit" });
  } catch {
    throw new Trouble("no_connection");
  }
  if (answer.status === 404) throw new Trouble("not_here");
  if (!answer.ok) throw new Trouble("no_connection");
  return new Uint8Array(await answer.arrayBuffer());
}

async function keyOf(secret) {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const derivation = {
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(),
    info: encoder.encode("sheetal bundle key 1"),
  };
  return crypto.subtle.deriveKey(derivation, material, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
}
