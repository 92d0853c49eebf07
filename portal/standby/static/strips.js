// The two facts, drawn apart: the green field says authentic, the amber strip below it speaks of the dose.
import { element, glyph, sentence } from "./dom.js";
import { UNKNOWN } from "./status.js";
import { ageOf, dateOf, daysOf, momentOf, say } from "./words.js";

export function authenticField(certificate, detail, size = "") {
  return element("section", { class: `field authentic ${size}`, tabindex: -1, "data-outcome": "authentic" },
    glyph("authentic", size === "big" ? 112 : 40),
    element("div", {}, element("h2", {}, say("authentic")), element("p", {}, detail)));
}

export function plainField(outcome, title, detail) {
  return element("section", { class: `field ${outcome.replace("_", "-")} tall`, tabindex: -1, "data-outcome": outcome },
    glyph(outcome.replace("_", "-"), 72), element("h2", {}, title), element("p", {}, detail));
}

function strip(glyphName, title, text, note = "") {
  return element("section", { class: "strip", "data-strip": glyphName },
    glyph(glyphName, 20),
    element("div", {}, element("h3", {}, title), element("p", {}, sentence(text)), note && element("p", { class: "note" }, note)));
}

// The amber strips that a certificate deserves now; none when all is well.
export function strips(certificate, advisory, nowMs, wording = "") {
  return [
    certificate.isExpired && strip("stale", say("expired_title", { date: dateOf(certificate.expiresAtMs) }), say("expired")),
    certificate.isNotYetValid && strip("stale", say("early_title"), say("early")),
    advisory.level === UNKNOWN && unknownStrip(advisory, nowMs),
    advisory.level > 0 && advisoryStrip(certificate, advisory, nowMs, wording),
  ].filter(Boolean);
}

function unknownStrip(advisory, nowMs) {
  if (advisory.why !== "stale") return strip("stale", say("unknown_title"), say("unknown_missing"));
  const { fromMs, untilMs } = advisory.list;
  const facts = { age: ageOf(fromMs, nowMs), days: daysOf(fromMs, untilMs) };
  return strip("stale", say("unknown_title"), say("unknown_stale", facts));
}

function advisoryStrip(certificate, advisory, nowMs, wording) {
  const { level, list } = advisory;
  const facts = { n: certificate.dose.number };
  const asOf = say("list_as_of", { moment: momentOf(list.fromMs), age: ageOf(list.fromMs, nowMs) });
  return strip("adv", say(`level_${level}_title`, facts), say(`level_${level}${wording}`, facts), asOf);
}

export function levelChip(level) {
  const [name, tone] = level === 0 ? ["ok", "ok"] : level === UNKNOWN ? ["stale", "unknown"] : ["adv", "adv"];
  return element("span", { class: `chip ${tone}` }, glyph(name, 14), element("span", {}, say(`chip_${level}`)));
}

export function factList(rows) {
  return element("dl", { class: "facts" },
    rows.filter(([, value]) => value).map(([label, value, look = ""]) =>
      element("div", {}, element("dt", {}, label), element("dd", { class: look || null }, value))));
}

export function demoStrip(trust) {
  return trust.demo ? element("p", { class: "demo" }, say("demo")) : null;
}
