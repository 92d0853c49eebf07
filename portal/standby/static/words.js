// The words of these pages in both languages, dates and ages. The language is the path's: /hi/… is Hindi.
import { HINDI } from "./words-hi.js";
import { ENGLISH } from "./words-en.js";

export const language = /^\/hi(\/|$)/.test(location.pathname) ? "hi" : "en";
const WORDS = { en: ENGLISH, hi: HINDI }[language];
const MONTHS = {
  en: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
  hi: ["जन॰", "फ़र॰", "मार्च", "अप्रैल", "मई", "जून", "जुल॰", "अग॰", "सित॰", "अक्टू॰", "नव॰", "दिस॰"],
}[language];
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

// A text by its name, with {facts} filled in.
export function say(name, facts = {}) {
  return WORDS[name].replace(/\{(\w+)\}/g, (_, key) => facts[key]);
}

// An ISO date, which may be only a year: 22 Nov 2026.
export function isoDate(text) {
  const [year, month, day] = String(text).split("-");
  if (!day) return year;
  return `${Number(day)}\u00a0${MONTHS[Number(month) - 1]}\u00a0${year}`;
}

export function dateOf(ms) {
  const at = new Date(ms);
  return `${at.getDate()}\u00a0${MONTHS[at.getMonth()]}\u00a0${at.getFullYear()}`;
}

export function momentOf(ms) {
  const at = new Date(ms);
  const two = (number) => String(number).padStart(2, "0");
  return `${dateOf(ms)}, ${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function ageOf(ms, nowMs) {
  const age = Math.max(0, nowMs - ms);
  if (age < HOUR_MS) return say("age_minutes", { n: Math.floor(age / MINUTE_MS) });
  if (age < DAY_MS) return say("age_hours", { n: Math.floor(age / HOUR_MS) });
  return say(age < 2 * DAY_MS ? "age_day" : "age_days", { n: Math.floor(age / DAY_MS) });
}

export function daysOf(fromMs, untilMs) {
  return Math.floor((untilMs - fromMs) / DAY_MS);
}

// The same page in the other language; the part after # goes along inside the browser.
export function otherLanguageAddress() {
  const path = language === "hi" ? location.pathname.replace(/^\/hi/, "") || "/" : `/hi${location.pathname}`;
  return path + location.hash;
}
