// Whom to believe: keys/trust.json of this site, imported for WebCrypto, and ES256 under those keys.
const CURVE = { name: "ECDSA", namedCurve: "P-256" };

export async function loadTrust() {
  const answer = await fetch("/keys/trust.json", { credentials: "omit", cache: "no-cache" });
  if (!answer.ok) throw new Error("no key list");
  const file = await answer.json();
  const keys = await Promise.all(file.keys.map(importKey));
  return { demo: file.demo, issuedAtMs: file.issued_at_ms, keys };
}

async function importKey(entry) {
  const jwk = { kty: "EC", crv: "P-256", x: entry.x, y: entry.y };
  const key = await crypto.subtle.importKey("jwk", jwk, CURVE, false, ["verify"]);
  return { kid: entry.kid, issuer: entry.issuer, notAfterMs: entry.not_after_ms, key };
}

// The key among those with this id that made the signature; null when none did. `kid` is base64 of its bytes.
export async function signerOf(trust, kid, signature, message) {
  for (const key of trust.keys.filter((one) => one.kid === kid)) {
    const name = { name: "ECDSA", hash: "SHA-256" };
    if (signature.length === 64 && (await crypto.subtle.verify(name, key.key, signature, message))) return key;
  }
  return null;
}

export function knows(trust, kid) {
  return trust.keys.some((key) => key.kid === kid);
}

export function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
