"use strict";
// The heat strip: one row per district, one cell per appliance, worst first; arrow keys move, Enter opens.
(() => {
  const CELL = 7, HEIGHT = 13, STEP = 8, PITCH = 17, LEFT = 148, COUNT_AT = 140, REFRESH_MS = 10000;
  const COLOURS = { o: "--ok-cell", w: "--warm", f: "--freeze", n: "--nodata", h: "--held" };
  const box = document.querySelector("[data-strip]");
  if (box === null) return;
  const canvas = box.querySelector("canvas");
  const live = box.querySelector("[data-live]");
  const table = box.querySelector(".scroller");
  let data = null, cells = [], cursor = -1;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const layout = (width) => {
    const perLine = Math.max(1, Math.floor((width - LEFT) / STEP));
    let line = 0;
    cells = [];
    const rows = data.districts.map((district) => {
      const top = line * PITCH;
      for (let n = 0; n < district.letters.length; n += 1) {
        const y = (line + Math.floor(n / perLine)) * PITCH, x = LEFT + (n % perLine) * STEP;
        cells.push({ x, y, letter: district.letters[n], id: district.ids[n], name: district.names[n], district: district.name });
      }
      line += Math.max(1, Math.ceil(district.letters.length / perLine));
      return { top, district };
    });
    return { rows, height: line * PITCH + 4 };
  };

  const hatch = (pen, x, y) => {
    pen.save();
    pen.beginPath();
    pen.rect(x, y, CELL, HEIGHT);
    pen.clip();
    pen.strokeStyle = colour("--nodata");
    pen.lineWidth = 1;
    for (let at = -HEIGHT; at < CELL; at += 4) {
      pen.beginPath();
      pen.moveTo(x + at, y + HEIGHT);
      pen.lineTo(x + at + HEIGHT, y);
      pen.stroke();
    }
    pen.restore();
  };

  const mark = (pen, letter, x, y) => {
    const mid = x + CELL / 2, middle = y + HEIGHT / 2;
    pen.fillStyle = pen.strokeStyle = colour("--paper");
    if (letter === "w") {
      pen.beginPath();
      pen.moveTo(mid, middle - 3);
      pen.lineTo(mid + 2.8, middle + 2.5);
      pen.lineTo(mid - 2.8, middle + 2.5);
      pen.fill();
    } else if (letter === "f") {
      pen.lineWidth = 1;
      for (const turn of [Math.PI / 2, Math.PI / 6, -Math.PI / 6]) {
        pen.beginPath();
        pen.moveTo(mid - 2.8 * Math.cos(turn), middle - 2.8 * Math.sin(turn));
        pen.lineTo(mid + 2.8 * Math.cos(turn), middle + 2.8 * Math.sin(turn));
        pen.stroke();
      }
    } else if (letter === "h") {
      pen.fillRect(mid - 2, middle - 2.5, 1.4, 5);
      pen.fillRect(mid + 0.6, middle - 2.5, 1.4, 5);
    }
  };

  const draw = () => {
    const width = canvas.parentElement.clientWidth - 32, ratio = window.devicePixelRatio || 1;
    const { rows, height } = layout(width);
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const font = getComputedStyle(document.body).fontFamily;
    for (const { top, district } of rows) {
      pen.fillStyle = colour("--ink");
      pen.font = `${district.trouble ? 700 : 400} 12px ${font}`;
      pen.textAlign = "left";
      pen.fillText(district.name, 0, top + 11, COUNT_AT - 36);
      pen.fillStyle = colour("--ink-2");
      pen.textAlign = "right";
      pen.fillText(String(district.trouble), COUNT_AT, top + 11);
    }
    cells.forEach((cell, index) => {
      if (cell.letter === "n") hatch(pen, cell.x, cell.y);
      else {
        pen.fillStyle = colour(COLOURS[cell.letter]);
        pen.fillRect(cell.x, cell.y, CELL, HEIGHT);
        mark(pen, cell.letter, cell.x, cell.y);
      }
      if (index === cursor) {
        pen.strokeStyle = colour("--ink");
        pen.lineWidth = 2;
        pen.strokeRect(cell.x - 1, cell.y - 1, CELL + 2, HEIGHT + 2);
      }
    });
  };

  const say = () => {
    const cell = cells[cursor];
    live.textContent = cell ? `${cell.name}, ${cell.district}: ${data.words[cell.letter]}` : "";
  };

  const at = (event) => {
    const place = canvas.getBoundingClientRect(), x = event.clientX - place.left, y = event.clientY - place.top;
    return cells.findIndex((cell) => x >= cell.x && x < cell.x + STEP && y >= cell.y && y < cell.y + PITCH);
  };

  const open = () => {
    if (cells[cursor]) window.location.assign(data.base + encodeURIComponent(cells[cursor].id));
  };

  const moved = (key) => {
    const from = cells[cursor];
    if (!from) return 0;
    if (key === "ArrowRight") return Math.min(cursor + 1, cells.length - 1);
    if (key === "ArrowLeft") return Math.max(cursor - 1, 0);
    const down = key === "ArrowDown" ? 1 : -1;
    const others = cells.map((cell, index) => ({ cell, index })).filter(({ cell }) => (cell.y - from.y) * down > 0);
    others.sort((a, b) => Math.abs(a.cell.y - from.y) - Math.abs(b.cell.y - from.y) || Math.abs(a.cell.x - from.x) - Math.abs(b.cell.x - from.x));
    return others.length ? others[0].index : cursor;
  };

  const load = async () => {
    try {
      const answer = await fetch(box.dataset.src, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok) return;
      data = await answer.json();
    } catch {
      return;
    }
    canvas.hidden = false;
    table.hidden = true;
    draw();
  };

  canvas.addEventListener("mousemove", (event) => {
    const found = at(event);
    if (found !== cursor) {
      cursor = found;
      draw();
      say();
    }
  });
  canvas.addEventListener("click", open);
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter") open();
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    cursor = moved(event.key);
    draw();
    say();
  });
  window.addEventListener("resize", () => data && draw());
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => data && draw());
  load();
  window.setInterval(load, REFRESH_MS);
})();
