// Is a certificate authentic? `authentic`, `not_authentic` (red) or `cannot_tell`; the clock is a finding, not a verdict.
import { decodeBase45 } from "./base45.js";
import { readCbor, Tagged, writeArray, writeBytes, writeText } from "./cbor.js";
import { inflate } from "./inflate.js";
import { knows, signerOf, toBase64 } from "./trust.js";

const PREFIX = "HC1:";
const CHARACTERS_MAX = 4296; // the most alphanumeric characters any QR code holds
const INFLATED_BYTES_MAX = 64 * 1024;
const ES256 = -7;
const [HEADER_ALGORITHM, HEADER_KID] = [1, 4];
const [TAG_SIGN1, TAG_CWT] = [18, 61];
const [CLAIM_EXPIRES, CLAIM_ISSUED, CLAIM_HCERT, CLAIM_STATUS] = [4, 6, -260, 65535];

export async function verifyHcert(text, trust, nowMs) {
  let message;
  try {
    message = await openMessage(text);
  } catch {
    return { outcome: "cannot_tell", reason: "unreadable" };
  }
  if (message.kid === null || !knows(trust, message.kid)) return { outcome: "cannot_tell", reason: "unknown_key" };
  const signer = message.algorithm === ES256 ? await signerOf(trust, message.kid, message.signature, message.signed) : null;
  if (signer === null) return { outcome: "not_authentic", reason: "wrong_signature" };
  try {
    return certificateOf(readCbor(message.payload), signer, nowMs);
  } catch {
    return { outcome: "cannot_tell", reason: "unreadable" };
  }
}

async function openMessage(text) {
  const trimmed = text.replace(/^[\r\n\t ]+|[\r\n\t]+$/g, "");
  if (!trimmed.startsWith(PREFIX) || trimmed.length > CHARACTERS_MAX) throw new RangeError("not a certificate");
  const packed = decodeBase45(trimmed.slice(PREFIX.length));
  let item = readCbor(await inflate(packed, "deflate", INFLATED_BYTES_MAX));
  if (item instanceof Tagged && item.tag === TAG_CWT) item = item.value;
  if (!(item instanceof Tagged) || item.tag !== TAG_SIGN1 || item.value.length !== 4) throw new RangeError("not signed");
  const [head, unprotectedHead, payload, signature] = item.value;
  const protectedHead = head.length ? readCbor(head) : new Map();
  const kid = protectedHead.get(HEADER_KID) ?? unprotectedHead.get(HEADER_KID) ?? null;
  const parts = [writeText("Signature1"), writeBytes(head), writeBytes(new Uint8Array()), writeBytes(payload)];
  return {
    algorithm: protectedHead.get(HEADER_ALGORITHM),
    kid: kid === null ? null : toBase64(kid),
    payload,
    signature,
    signed: writeArray(parts),
  };
}

function certificateOf(claims, signer, nowMs) {
  const [issued, expires] = [claims.get(CLAIM_ISSUED), claims.get(CLAIM_EXPIRES)];
  const subclaims = claims.get(CLAIM_HCERT);
  if (!Number.isInteger(issued) || !Number.isInteger(expires)) throw new RangeError("no validity");
  const status = claims.get(CLAIM_STATUS)?.get("status_list");
  return {
    outcome: "authentic",
    issuer: signer.issuer,
    issuedAtMs: issued * 1000,
    expiresAtMs: expires * 1000,
    isExpired: nowMs >= expires * 1000 || nowMs >= signer.notAfterMs,
    isNotYetValid: nowMs < issued * 1000,
    status: status ? { index: status.get("idx"), uri: status.get("uri") } : null,
    ...(subclaims.has(3) ? ddcc(subclaims.get(3)) : dcc(subclaims.get(1))),
  };
}

function ddcc(claim) {
  const dose = claim.get("vaccination");
  return {
    name: claim.get("name"),
    birthDate: claim.get("birthDate") ?? "",
    dose: {
      number: dose.get("dose"),
      total: dose.get("totalDoses"),
      date: dose.get("date"),
      vaccine: dose.get("brand").get("display"),
      manufacturer: dose.get("manufacturer")?.get("display") ?? "",
      lot: dose.get("lot"),
      facility: dose.get("centre") ?? "",
    },
  };
}

function dcc(claim) {
  const [name, dose] = [claim.get("nam"), claim.get("v")[0]];
  return {
    name: [name.get("gn"), name.get("fn") ?? name.get("fnt")].filter(Boolean).join(" "),
    birthDate: claim.get("dob") ?? "",
    dose: {
      number: dose.get("dn"),
      total: dose.get("sd"),
      date: dose.get("dt"),
      vaccine: dose.get("mp"),
      manufacturer: dose.get("ma"),
      lot: "",
      facility: "",
    },
  };
}
