"use strict";
// Live parts: rows never move while the pointer or the focus is inside; a line offers the new order instead.
(() => {
  let waiting = null;

  const busy = (list) => list !== null && (list.matches(":hover") || list.contains(document.activeElement));

  const worklist = () => document.querySelector("#live .worklist tbody");

  document.addEventListener("htmx:before:swap", (event) => {
    const live = document.getElementById("live");
    const context = event.detail && event.detail.ctx;
    if (live === null || !context || typeof context.text !== "string") return;
    if (context.response && context.response.status !== undefined && context.response.status >= 400) {
      event.preventDefault();
      return;
    }
    const found = /data-order="([^"]*)"/.exec(context.text);
    if (found === null || found[1] === live.dataset.order || !busy(worklist())) {
      waiting = null;
      return;
    }
    event.preventDefault();
    waiting = context.text;
    const line = document.querySelector("[data-order-changed]");
    if (line !== null) line.hidden = false;
  });

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || event.target.closest("[data-show-order]") === null || waiting === null) return;
    const parsed = new DOMParser().parseFromString(waiting, "text/html").getElementById("live");
    const live = document.getElementById("live");
    if (parsed === null || live === null) return;
    live.replaceWith(parsed);
    waiting = null;
    if (window.htmx) window.htmx.process(parsed);
  });
})();
