// Keeps the verifier, its keys and its list for use without a network. Fresh first, kept copy when there is none.
// Certificates are not kept: that is the owner's own choice, by "Save on this phone".
const CACHE = "verifier-1";
const FILES = [
  "base45", "camera", "cbor", "dom", "frame", "hcert", "inflate", "status", "strips", "trust", "verify", "words",
  "words-en", "words-hi",
].map((name) => `/static/${name}.js`);
const KEPT = ["/verify", "/hi/verify", "/keys/trust.json", "/status/doses.json", "/static/site.css", ...FILES];

self.addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method === "GET" && address.origin === self.location.origin && KEPT.includes(address.pathname)) {
    event.respondWith(freshOrKept(event.request, address.pathname));
  }
});

async function fill() {
  const cache = await caches.open(CACHE);
  await Promise.allSettled(KEPT.map((path) => cache.add(path)));
}

async function freshOrKept(request, path) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(path, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(path);
    if (kept) return kept;
    throw error;
  }
}
