// Elements and glyphs, built node by node: nothing that came in is ever read as HTML.
const SVG = "http://www.w3.org/2000/svg";
const SHIELD = "M8 .85 14.2 3v5c0 3.7-2.6 6-6.2 7.15C4.4 14 1.8 11.7 1.8 8V3Z";
const ROUND = { "stroke-linecap": "round", "stroke-linejoin": "round" };
const line = (d, width) => ["path", { d, fill: "none", stroke: "currentColor", "stroke-width": width, ...ROUND }];
const cut = (d, width) => ["path", { d, class: "cut", fill: "none", "stroke-width": width, ...ROUND }];
const solid = (d) => ["path", { d, fill: "currentColor" }];

const GLYPHS = {
  authentic: [solid(SHIELD), cut("M5 8 7.2 10.2 11.1 5.8", 1.8)],
  "not-authentic": [solid(SHIELD), cut("M5.6 5.4 10.4 10.2M10.4 5.4 5.6 10.2", 1.9)],
  "cannot-tell": [
    ["path", { d: "M8 1.7 13.4 3.6v4.5c0 3.2-2.2 5.1-5.4 6.2-3.2-1.1-5.4-3-5.4-6.2V3.6Z", fill: "none",
      stroke: "currentColor", "stroke-width": 1.6, "stroke-dasharray": "3.1 1.6" }],
    line("M5.4 8h5.2", 1.8),
  ],
  adv: [solid("M8 .9 15.1 8 8 15.1.9 8Z"), cut("M8 4.6v4", 2), ["circle", { class: "cut-fill", cx: 8, cy: 11.2, r: 1.1 }]],
  ok: [["circle", { cx: 8, cy: 8, r: 6.5, fill: "currentColor" }], cut("M4.9 8.2 7.1 10.4 11.1 5.9", 1.8)],
  stale: [["circle", { cx: 8, cy: 8, r: 6.3, fill: "none", stroke: "currentColor", "stroke-width": 1.7 }],
    line("M8 4.4V8l2.6 1.8", 1.7)],
  brand: [line("M1.2 3.2h13.6M1.2 12.8h13.6", 1.9), ["circle", { cx: 8, cy: 8, r: 2.7, fill: "currentColor" }]],
};

// An element with attributes and children; a child that is null is left out, a string becomes text.
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== ""));
  return made;
}

export function glyph(name, size = 16) {
  const drawing = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 16 16", width: size, height: size, class: "glyph", "aria-hidden": "true", focusable: "false" };
  for (const [key, value] of Object.entries(attributes)) drawing.setAttribute(key, value);
  for (const [tag, shape] of GLYPHS[name]) {
    const part = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(shape)) part.setAttribute(key, value);
    drawing.append(part);
  }
  return drawing;
}

// `**word**` in a sentence is bold.
export function sentence(text) {
  return text.split("**").map((part, number) => (number % 2 ? element("b", {}, part) : part));
}

export function show(...children) {
  document.getElementById("main").replaceChildren(...children.flat(Infinity).filter(Boolean));
}

// Why this browser cannot check anything here; null when it can.
export function missingPower() {
  if (!window.isSecureContext || !window.crypto?.subtle) return "insecure";
  if (!("DecompressionStream" in window)) return "old_browser";
  return null;
}
