// What both pages share around their content: the language, the bar on top, the offline worker.
import { element, glyph } from "./dom.js";
import { language, otherLanguageAddress, say } from "./words.js";

export function startPage(title, withBrand = true) {
  document.documentElement.lang = language;
  document.title = title;
  const other = element("a", { href: otherLanguageAddress(), lang: language === "hi" ? "en" : "hi" }, say("other_language"));
  const brand = element("a", { class: "brand", href: language === "hi" ? "/hi/verify" : "/verify" }, glyph("brand", 20), say("brand"));
  const heading = element("h1", { class: "brand" }, title);
  document.getElementById("top").replaceChildren(withBrand ? brand : heading, other);
}

// Keeps the verifier usable without a network; a browser that refuses loses only that.
export async function workOffline() {
  try {
    await navigator.serviceWorker.register("/sw.js", { scope: "/" });
    await navigator.serviceWorker.ready;
    return true;
  } catch {
    return false;
  }
}
