// The verifier: reads a certificate's text, pasted or scanned, and says what it is. Keys and list are loaded before
// anything is checked, so that no request tells that somebody was.
import { canScan, scan } from "./camera.js";
import { element, glyph, missingPower, sentence, show } from "./dom.js";
import { startPage, workOffline } from "./frame.js";
import { verifyHcert } from "./hcert.js";
import { advisoryOf, loadStatusList } from "./status.js";
import { authenticField, demoStrip, factList, plainField, strips } from "./strips.js";
import { loadTrust } from "./trust.js";
import { ageOf, dateOf, isoDate, say } from "./words.js";

const LEVELS = ["venue", "travel", "health"];
const LEVEL_KEY = "sheetal-verifier-level";
const state = { trust: null, list: null, level: readLevel(), result: null };

async function main() {
  startPage(say("verify_title"), false);
  const lack = missingPower();
  if (lack) {
    show(element("div", { class: "column trouble", "data-trouble": lack },
      element("h2", {}, say(`trouble_${lack}_title`)), element("p", {}, say(`trouble_${lack}`))));
    return;
  }
  await renew();
  showForm();
  if (await workOffline()) document.getElementById("offline").textContent = say("works_offline");
}

async function renew() {
  state.trust = await loadTrust().catch(() => null);
  state.list = state.trust ? await loadStatusList(state.trust) : null;
}

function showForm(error = "") {
  state.result = null;
  const text = element("textarea", { id: "text", rows: 5, autocomplete: "off", spellcheck: "false", "aria-describedby": "hint" });
  const submit = (event) => {
    event.preventDefault();
    if (text.value.trim()) check(text.value);
    else showForm(say("paste_error"));
  };
  show(
    state.trust ? demoStrip(state.trust) : null,
    levelTabs(),
    element("div", { class: "column" },
      element("button", { class: "button primary", type: "button", id: "scan", onclick: startCamera, disabled: canScan() ? null : "" }, say("scan")),
      canScan() ? null : element("p", { class: "note" }, say("scan_missing")),
      element("form", { onsubmit: submit },
        element("label", { for: "text" }, say("paste_label")),
        element("p", { class: "note", id: "hint" }, say("paste_hint")),
        error && element("p", { class: "error", role: "alert" }, error),
        text,
        element("button", { class: "button secondary", type: "submit" }, say("check")))),
    foot(),
  );
}

async function startCamera() {
  const video = element("video", { playsinline: "", muted: "" });
  const stop = new AbortController();
  show(element("div", { class: "column" },
    element("p", { role: "status" }, say("scan_point")), video,
    element("button", { class: "button secondary", type: "button", onclick: () => { stop.abort(); showForm(); } }, say("scan_stop"))), foot());
  try {
    const text = await scan(video, stop.signal);
    if (text !== null) await check(text);
  } catch {
    showForm(say("scan_denied"));
  }
}

async function check(text) {
  const now = Date.now();
  state.result = state.trust
    ? await verifyHcert(text, state.trust, now)
    : { outcome: "cannot_tell", reason: "no_keys" };
  showResult();
}

function showResult() {
  const shown = { authentic: showAuthentic, not_authentic: showNotAuthentic, cannot_tell: showCannotTell };
  shown[state.result.outcome](state.result);
  document.querySelector("[data-outcome]").focus({ preventScroll: true });
}

function showAuthentic(certificate) {
  const now = Date.now();
  const advisory = advisoryOf(state.list, certificate, now);
  const born = certificate.birthDate ? `, ${say("born_in_line", { date: isoDate(certificate.birthDate) })}` : "";
  const person = `${certificate.name}${born}`;
  const views = {
    venue: () => [
      authenticField(certificate, say("signed_by", { issuer: certificate.issuer }), "big"),
      element("div", { class: "column" }, element("h1", {}, certificate.name), element("p", {}, say("compare"))),
    ],
    travel: () => [
      authenticField(certificate, person),
      strips(certificate, advisory, now, "_travel"),
      factList(travelFacts(certificate)),
      element("p", { class: "column" }, sentence(say("policy"))),
    ],
    health: () => [
      authenticField(certificate, person),
      strips(certificate, advisory, now),
      factList(healthFacts(certificate)),
    ],
  };
  show(demoStrip(state.trust), levelTabs(), views[state.level](), nextAct(say("next"), showForm), foot());
}

function travelFacts(certificate) {
  const dose = certificate.dose;
  return [
    [say("vaccine"), dose.vaccine],
    [say("dose"), say("number_of", { n: dose.number, total: dose.total })],
    [say("given_on"), isoDate(dose.date)],
    [say("issuer"), certificate.issuer],
    [say("valid_to"), dateOf(certificate.expiresAtMs)],
  ];
}

function healthFacts(certificate) {
  const dose = certificate.dose;
  return [
    ...travelFacts(certificate).slice(0, 3),
    [say("manufacturer"), dose.manufacturer],
    [say("lot"), dose.lot, "mono"],
    [say("given_at"), dose.facility, "mono"],
  ];
}

function showNotAuthentic() {
  show(plainField("not_authentic", say("not_authentic"), say("not_authentic_why")),
    advice(say("not_authentic_do")), nextAct(say("again"), showForm), foot());
}

function showCannotTell(result) {
  const isKey = result.reason !== "unreadable";
  const act = isKey ? nextAct(say("renew"), async () => { await renew(); showForm(); }) : nextAct(say("again"), showForm);
  show(plainField("cannot_tell", say("cannot_tell"), say(`cannot_tell_${result.reason}`)),
    advice(say(`cannot_tell_${result.reason}_do`)), act, foot());
}

function advice(text) {
  return element("div", { class: "column" }, element("h3", {}, say("what_to_do")), element("p", {}, text));
}

function nextAct(word, act) {
  return element("div", { class: "acts" }, element("button", { class: "button primary", type: "button", onclick: () => act() }, word));
}

function levelTabs() {
  return element("div", { class: "tabs", role: "group", "aria-label": say("levels_label") },
    LEVELS.map((level) => element("button", {
      type: "button",
      "aria-pressed": String(level === state.level),
      onclick: () => chooseLevel(level),
    }, say(`level_${level}`))));
}

function chooseLevel(level) {
  state.level = level;
  try {
    localStorage.setItem(LEVEL_KEY, level);
  } catch {
    // A browser without storage asks again next time.
  }
  if (state.result) showResult();
  else showForm();
  document.querySelector(".tabs [aria-pressed=true]").focus();
}

function readLevel() {
  try {
    const kept = localStorage.getItem(LEVEL_KEY);
    return LEVELS.includes(kept) ? kept : "travel";
  } catch {
    return "travel";
  }
}

function foot() {
  const now = Date.now();
  const words = [
    state.trust && say("keys_as_of", { date: dateOf(state.trust.issuedAtMs), age: ageOf(state.trust.issuedAtMs, now) }),
    state.list && say("status_as_of", { date: dateOf(state.list.fromMs), age: ageOf(state.list.fromMs, now) }),
  ];
  const word = (state.result?.outcome === "authentic" && words[1]) || words[0] || say("nothing_sent");
  return element("p", { class: "foot" }, glyph("stale"), word);
}

await main();
