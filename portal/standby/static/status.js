// The signed list of all doses' advisory levels. No list, a forged one or a stale one: dose quality unknown, never red.
import { decodeBase64 } from "./base45.js";
import { inflate } from "./inflate.js";
import { signerOf, toBase64 } from "./trust.js";

const LIST_BYTES_MAX = 8 * 1024 * 1024;
export const UNKNOWN = -1;

export async function loadStatusList(trust) {
  try {
    const answer = await fetch("/status/doses.json", { credentials: "omit", cache: "no-cache" });
    if (!answer.ok) return null;
    return await openList(await answer.json(), trust);
  } catch {
    return null;
  }
}

async function openList(file, trust) {
  const header = decodeJson(file.protected);
  const message = new TextEncoder().encode(`${file.protected}.${file.payload}`);
  const kid = toBase64(decodeBase64(header.kid));
  const signer = header.alg === "ES256" ? await signerOf(trust, kid, decodeBase64(file.signature), message) : null;
  if (signer === null) return null;
  const payload = decodeJson(file.payload);
  return {
    uri: payload.sub,
    fromMs: Date.parse(payload.validFrom),
    untilMs: Date.parse(payload.validUntil),
    packed: await inflate(decodeBase64(payload.encodedList), "gzip", LIST_BYTES_MAX),
  };
}

// 0 ok, 1 under investigation, 2 repeat advised, 3 superseded; UNKNOWN with `why` missing or stale.
export function advisoryOf(list, certificate, nowMs) {
  const status = certificate.status;
  if (list === null || status === null || !isSameList(list.uri, status.uri)) return { level: UNKNOWN, why: "missing" };
  if (!(nowMs < list.untilMs)) return { level: UNKNOWN, why: "stale", list };
  const byte = list.packed[status.index >> 2];
  if (byte === undefined) return { level: UNKNOWN, why: "missing", list };
  return { level: (byte >> ((3 - (status.index & 3)) * 2)) & 3, list };
}

// The path names the list among an issuer's lists; the host may change when the site moves.
function isSameList(one, other) {
  return new URL(one).pathname === new URL(other).pathname;
}

function decodeJson(text) {
  return JSON.parse(new TextDecoder().decode(decodeBase64(text)));
}
