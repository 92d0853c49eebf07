// "Save on this phone": one HTML file without scripts, so that it opens anywhere. It claims nothing; its code proves it.
import { element } from "./dom.js";
import { isoDate, language, momentOf, say } from "./words.js";

const STYLE = "body{font:16px/1.6 sans-serif;margin:0 auto;padding:20px;max-width:560px;color:#10202B}"
  + "svg{width:276px;height:276px}code{font-size:11px;overflow-wrap:anywhere;white-space:pre-wrap}dt{color:#43545F}dd{margin:0 0 8px;font-weight:700}";

export function saveCopy(content, certificate) {
  const address = URL.createObjectURL(new Blob([copyOf(content, certificate)], { type: "text/html" }));
  const anchor = element("a", { href: address, download: "vaccination-certificate.html" });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function copyOf(content, certificate) {
  const copy = document.implementation.createHTMLDocument(say("saved_title"));
  copy.documentElement.lang = language;
  copy.head.append(
    inside(copy, "meta", { charset: "utf-8" }),
    inside(copy, "meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
  );
  const drawing = new DOMParser().parseFromString(content.qr_svg, "image/svg+xml").documentElement;
  const dose = certificate.dose;
  const facts = [
    [say("dose_label", { n: `${dose.number}/${dose.total}` }), isoDate(dose.date)],
    [say("vaccine"), dose.vaccine],
    [say("lot"), dose.lot],
    [say("issuer"), certificate.issuer],
  ];
  copy.body.append(
    inside(copy, "p", {}, say("saved_title")),
    inside(copy, "h1", {}, certificate.name),
    copy.importNode(drawing, true),
    inside(copy, "dl", {}, ...facts.flatMap(([label, value]) => [inside(copy, "dt", {}, label), inside(copy, "dd", {}, value)])),
    inside(copy, "p", {}, say("saved_note", { moment: momentOf(Date.now()), address: `${location.origin}/verify` })),
    inside(copy, "code", {}, content.hcert),
  );
  // The style joins as text: this page's own policy would complain about it, the saved file has none.
  return `<!doctype html>\n${copy.documentElement.outerHTML.replace("</head>", `<style>${STYLE}</style></head>`)}`;
}

function inside(copy, tag, attributes, ...children) {
  const made = copy.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
