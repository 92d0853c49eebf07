// The owner's page: fetches the bundle, opens it with the secret behind #, checks the signature here, shows both facts.
import { openBundle, Trouble } from "./bundle.js";
import { element, missingPower, show } from "./dom.js";
import { startPage } from "./frame.js";
import { verifyHcert } from "./hcert.js";
import { saveCopy } from "./save.js";
import { advisoryOf, loadStatusList } from "./status.js";
import { authenticField, demoStrip, factList, levelChip, plainField, strips } from "./strips.js";
import { loadTrust } from "./trust.js";
import { isoDate, momentOf, say } from "./words.js";

const NAME = /\/c\/([0-9a-f]{32})\/?$/;

async function main() {
  startPage(say("certificate_title"));
  const lack = missingPower();
  if (lack) return showTrouble(lack);
  try {
    const content = await openBundle(NAME.exec(location.pathname)?.[1] ?? "", location.hash.slice(1));
    const trust = await loadTrust().catch(() => ({ demo: false, keys: [] }));
    const certificate = await verifyHcert(content.hcert, trust, Date.now());
    if (certificate.outcome !== "authentic") return showNotAuthentic(certificate, content, trust);
    const advisory = advisoryOf(await loadStatusList(trust), certificate, Date.now());
    return showCertificate(content, certificate, advisory, trust);
  } catch (error) {
    return showTrouble(error instanceof Trouble ? error.word : "link_wrong");
  }
}

function showCertificate(content, certificate, advisory, trust) {
  const now = Date.now();
  const picture = qrPicture(content.qr_svg);
  const signed = `${say("signed_by", { issuer: certificate.issuer })} ${say("checked", { moment: momentOf(now) })}`;
  show(
    demoStrip(trust),
    heading(certificate),
    authenticField(certificate, signed),
    strips(certificate, advisory, now),
    element("figure", { class: "qr" }, picture, element("figcaption", {}, say("qr_note"))),
    doseRows(certificate, advisory),
    factList([
      [say("vaccine"), certificate.dose.vaccine],
      [say("manufacturer"), certificate.dose.manufacturer],
      [say("lot"), certificate.dose.lot, "mono"],
      [say("given_at"), content.doses[0]?.facility_name],
    ]),
    element("div", { class: "acts" },
      element("button", { class: "button primary", type: "button", onclick: () => saveCopy(content, certificate) }, say("save")),
      element("p", { class: "note" }, say("save_note"))),
  );
  document.title = `${certificate.name} · ${say("certificate_title")}`;
}

function heading(certificate) {
  const dose = certificate.dose;
  const born = certificate.birthDate && say("born", { date: isoDate(certificate.birthDate) });
  const facts = [born, dose.vaccine, say("dose_of", { n: dose.number, total: dose.total })];
  return element("header", { class: "head" },
    element("p", { class: "kind" }, say("certificate_title")),
    element("h1", {}, certificate.name),
    element("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")));
}

function doseRows(certificate, advisory) {
  return element("ul", { class: "doses" },
    element("li", {},
      element("b", {}, say("dose_label", { n: certificate.dose.number })),
      element("span", {}, isoDate(certificate.dose.date)),
      levelChip(advisory.level)));
}

// As a picture, not as markup: a drawing inside <img> runs nothing.
function qrPicture(svg) {
  const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  return element("img", { src: address, alt: say("qr_label"), width: 276, height: 276 });
}

function showNotAuthentic(result, content, trust) {
  const name = result.outcome === "not_authentic" ? "not_authentic" : "cannot_tell";
  const reason = trust.keys.length ? result.reason : "no_keys";
  const [why, advice] = name === "not_authentic"
    ? [say("not_authentic_why"), say("not_authentic_do")]
    : [say(`cannot_tell_${reason}`), say(`cannot_tell_${reason}_do`)];
  show(
    element("header", { class: "head" }, element("p", { class: "kind" }, say("certificate_title"))),
    plainField(name, say(name), why),
    element("div", { class: "column" }, element("h3", {}, say("what_to_do")), element("p", {}, advice)),
    name === "cannot_tell" ? element("figure", { class: "qr" }, qrPicture(content.qr_svg)) : null,
    tryAgain(),
  );
}

function showTrouble(word) {
  show(
    element("div", { class: "column trouble", "data-trouble": word },
      element("h1", {}, say(`trouble_${word}_title`)), element("p", {}, say(`trouble_${word}`))),
    ["not_here", "no_connection"].includes(word) ? tryAgain() : null,
  );
}

function tryAgain() {
  return element("div", { class: "acts" },
    element("button", { class: "button primary", type: "button", onclick: () => location.reload() }, say("try_again")));
}

window.addEventListener("hashchange", () => location.reload());
await main();
