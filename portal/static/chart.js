"use strict";
// The temperature chart: range band, gap hatch, runs, limits, envelope and mean by uPlot; ribbons below on the same x.
(() => {
  const GUTTER = 104, GUTTER_NARROW = 52, NARROW = 600, HEIGHT = 340, RIBBON = 26, BLOCK = 16, MINUTE = 60000, DAY = 86400000, INDIA = 330 * MINUTE;
  const NBSP = "\u00a0", MINUS = "\u2212";
  const box = document.querySelector("[data-chart]");
  if (box === null || typeof uPlot === "undefined") return;
  const place = box.querySelector("[data-plot]"), tip = box.querySelector("[data-tip]");

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const two = (number) => String(number).padStart(2, "0");
  const local = (ms) => new Date(ms + INDIA);
  const clock = (ms) => `${two(local(ms).getUTCHours())}:${two(local(ms).getUTCMinutes())}`;
  const day = (ms) => new Intl.DateTimeFormat(document.documentElement.lang === "hi" ? "hi" : "en-GB", { day: "numeric", month: "short", timeZone: "Asia/Kolkata", numberingSystem: "latn" }).format(new Date(ms));
  const degrees = (celsius, digits) => (celsius < 0 ? MINUS : celsius > 0 ? "+" : "") + Math.abs(celsius).toFixed(digits);
  const font = (weight) => `${weight} ${12 * uPlot.pxRatio}px ${getComputedStyle(document.body).fontFamily}`;

  const hatch = (pen, x, y, w, h) => {
    const step = 7 * uPlot.pxRatio;
    pen.save();
    pen.beginPath();
    pen.rect(x, y, w, h);
    pen.clip();
    pen.fillStyle = colour("--nodata-wash");
    pen.fillRect(x, y, w, h);
    pen.strokeStyle = colour("--nodata-line");
    pen.lineWidth = uPlot.pxRatio;
    for (let at = -h; at < w; at += step) {
      pen.beginPath();
      pen.moveTo(x + at, y + h);
      pen.lineTo(x + at + h, y);
      pen.stroke();
    }
    pen.restore();
  };

  const under = (data) => (plot) => {
    const pen = plot.ctx, { left, top, width, height } = plot.bbox;
    const x = (ms) => plot.valToPos(Math.min(Math.max(ms, data.from_ms), data.until_ms), "x", true);
    const y = (centi) => Math.min(Math.max(plot.valToPos(centi / 100, "y", true), top), top + height);
    pen.save();
    pen.fillStyle = colour("--band");
    pen.fillRect(left, y(data.band[1]), width, y(data.band[0]) - y(data.band[1]));
    for (const gap of data.gaps) hatch(pen, x(gap.from_ms), top, x(gap.until_ms) - x(gap.from_ms), height);
    for (const run of data.runs) {
      pen.fillStyle = colour(run.side === "cold" ? "--freeze-wash" : "--warm-wash");
      pen.fillRect(x(run.from_ms), top, Math.max(x(run.until_ms) - x(run.from_ms), uPlot.pxRatio), height);
    }
    pen.restore();
  };

  const label = (pen, text, x, y, ink, weight, align) => {
    pen.font = font(weight);
    pen.fillStyle = ink;
    pen.textAlign = align;
    pen.lineJoin = "round";
    pen.lineWidth = 4 * uPlot.pxRatio;
    pen.strokeStyle = colour("--paper");
    pen.globalAlpha = 0.8;
    pen.strokeText(text, x, y);
    pen.globalAlpha = 1;
    pen.fillText(text, x, y);
  };

  const over = (data) => (plot) => {
    const pen = plot.ctx, r = uPlot.pxRatio, { left, top, width, height } = plot.bbox;
    const x = (ms) => plot.valToPos(Math.min(Math.max(ms, data.from_ms), data.until_ms), "x", true);
    const y = (centi) => plot.valToPos(centi / 100, "y", true);
    const inside = (at) => at >= top && at <= top + height;
    pen.save();
    pen.textBaseline = "alphabetic";
    for (const limit of data.limits) {
      const at = y(limit.at), ink = colour(limit.side === "cold" ? "--freeze" : "--warm");
      if (!inside(at)) continue;
      pen.strokeStyle = ink;
      pen.lineWidth = 1.5 * r;
      pen.setLineDash(limit.side === "cold" ? [7 * r, 3 * r] : []);
      pen.beginPath();
      pen.moveTo(left, at);
      pen.lineTo(left + width, at);
      pen.stroke();
      pen.setLineDash([]);
      pen.font = font(700);
      const text = pen.measureText(limit.text).width + 16 * r < width ? limit.text : limit.short;
      label(pen, text, left + 8 * r, at + (limit.side === "cold" ? 14 * r : -6 * r), ink, 700, "left");
    }
    pen.font = font(700);
    if (inside(y(data.band[0])) && pen.measureText(data.words.band).width + 16 * r < width) label(pen, data.words.band, left + 8 * r, y(data.band[0]) - 6 * r, colour("--ok"), 700, "left");
    midnights(plot, data, pen, x, top, height);
    let last = -Infinity;
    for (const run of data.runs) {
      const from = x(run.from_ms), to = Math.max(x(run.until_ms), from + 2 * r), ink = colour(run.side === "cold" ? "--freeze" : "--warm");
      pen.strokeStyle = ink;
      pen.lineWidth = 1.5 * r;
      pen.beginPath();
      pen.moveTo(from, top + 8 * r);
      pen.lineTo(from, top + 3 * r);
      pen.lineTo(to, top + 3 * r);
      pen.lineTo(to, top + 8 * r);
      pen.stroke();
      pen.font = font(700);
      const wide = pen.measureText(run.text).width, start = Math.min(from, left + width - wide);
      if (start > last + 8 * r) {
        label(pen, run.text, start, top - 6 * r, colour("--ink"), 700, "left");
        last = start + wide;
      }
    }
    for (const gap of data.gaps) plate(pen, r, gap, x(gap.from_ms), x(gap.until_ms), top);
    pen.restore();
  };

  const midnights = (plot, data, pen, x, top, height) => {
    const r = uPlot.pxRatio, many = data.until_ms - data.from_ms > 2 * DAY;
    for (let at = Math.ceil((data.from_ms + INDIA) / DAY) * DAY - INDIA; at < data.until_ms; at += DAY) {
      pen.strokeStyle = colour(many ? "--line" : "--line-strong");
      pen.lineWidth = r;
      pen.beginPath();
      pen.moveTo(x(at), top);
      pen.lineTo(x(at), top + height);
      pen.stroke();
      if (many) continue;
      label(pen, `${day(at - MINUTE)} |`, x(at) + 2 * r, top + height - 8 * r, colour("--ink-2"), 400, "right");
      label(pen, day(at), x(at) + 6 * r, top + height - 8 * r, colour("--ink-2"), 400, "left");
    }
  };

  const plate = (pen, r, gap, from, to, top) => {
    pen.font = font(700);
    const wide = Math.max(pen.measureText(gap.text).width, pen.measureText(gap.span).width) + 16 * r;
    if (to - from < wide * 0.6) return;
    const middle = (from + to) / 2, y = top + 26 * r;
    pen.fillStyle = colour("--paper");
    pen.strokeStyle = colour("--nodata-line");
    pen.lineWidth = r;
    pen.fillRect(middle - wide / 2, y, wide, 36 * r);
    pen.strokeRect(middle - wide / 2, y, wide, 36 * r);
    label(pen, gap.text, middle, y + 15 * r, colour("--ink"), 700, "center");
    label(pen, gap.span, middle, y + 30 * r, colour("--ink-2"), 400, "center");
  };

  const block = (pen, r, area, row, from, to, tone, text) => {
    const y = row * RIBBON * r + 5 * r, wide = Math.max(to - from, 3 * r);
    if (tone === "nodata") hatch(pen, from, y, wide, BLOCK * r);
    else {
      pen.fillStyle = colour(tone === "stay" ? "--sunk" : `--${tone}`);
      pen.fillRect(from, y, wide, BLOCK * r);
    }
    pen.strokeStyle = colour(tone === "stay" ? "--line-strong" : `--${tone}`);
    pen.lineWidth = r;
    pen.strokeRect(from, y, wide, BLOCK * r);
    pen.font = font(700);
    const need = pen.measureText(text).width + 12 * r, fits = need < wide;
    if (!fits && to + need > area.left + area.width) return;
    const dark = fits && tone !== "stay" && tone !== "nodata";
    label(pen, text, fits ? from + 6 * r : from + wide + 5 * r, y + 12 * r, colour(dark ? "--paper" : "--ink"), fits ? 700 : 400, "left");
  };

  const ribbons = (canvas, data) => (plot) => {
    const r = uPlot.pxRatio, area = plot.bbox, width = plot.width;
    canvas.width = width * r;
    canvas.height = 2 * RIBBON * r;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${2 * RIBBON}px`;
    const pen = canvas.getContext("2d");
    const x = (ms) => plot.valToPos(Math.min(Math.max(ms, data.from_ms), data.until_ms), "x", true);
    [data.words.stays, data.words.alarms].forEach((name, row) => {
      label(pen, name, area.left - 10 * r, row * RIBBON * r + 17 * r, colour("--ink-2"), 400, "right");
      pen.strokeStyle = colour("--line");
      pen.beginPath();
      pen.moveTo(area.left, (row + 1) * RIBBON * r - 2 * r);
      pen.lineTo(area.left + area.width, (row + 1) * RIBBON * r - 2 * r);
      pen.stroke();
    });
    for (const stay of data.stays) block(pen, r, area, 0, x(stay.from_ms), x(stay.until_ms), "stay", stay.text);
    for (const alarm of data.alarms) block(pen, r, area, 1, x(alarm.from_ms), x(alarm.until_ms), alarm.tone, alarm.text);
  };

  const range = (data) => {
    const values = [...data.low, ...data.high, ...data.band, ...data.limits.map((limit) => limit.at)].filter((value) => value !== null);
    return [Math.floor(Math.min(...values) / 200) * 2 - 1, Math.ceil(Math.max(...values) / 200) * 2 + 1];
  };

  const told = (data) => (plot) => {
    const index = plot.cursor.idx;
    if (index === null || index === undefined || data.mean[index] === null) {
      tip.textContent = "";
      return;
    }
    const low = data.low[index], high = data.high[index], spread = low === high ? "" : ` (${degrees(low / 100, 1)} … ${degrees(high / 100, 1)})`;
    tip.textContent = `${day(data.at[index])} ${clock(data.at[index])}: ${degrees(data.mean[index] / 100, 1)}${NBSP}°C${spread}`;
  };

  const options = (data, width, canvas) => {
    const stroke = colour("--ink-2"), grid = { stroke: colour("--grid"), width: 1 };
    const [low, high] = range(data), heat = data.limits.find((limit) => limit.side === "hot");
    return {
      width, height: HEIGHT, ms: 1, padding: [26, 12, 0, 0], legend: { show: false }, cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: false, range: [data.from_ms, data.until_ms] }, y: { range: [low, high] } },
      axes: [
        { stroke, grid, ticks: { show: false }, font: font(400).replace(/^\S+ \S+/, "12px"), size: 28,
          splits: () => splits(data), values: (_, at) => at.map((ms) => (data.until_ms - data.from_ms > 2 * DAY ? day(ms) : clock(ms))) },
        { stroke, grid, ticks: { show: false }, size: width < NARROW ? GUTTER_NARROW : GUTTER, font: font(400).replace(/^\S+ \S+/, "12px"), incrs: [1, 2, 5, 10],
          values: (_, at) => at.map((value, n) => degrees(value, 0) + (n === at.length - 1 ? `${NBSP}°C` : "")) },
      ],
      series: [
        {},
        { stroke: "transparent", points: { show: false }, spanGaps: false },
        { stroke: "transparent", points: { show: false }, spanGaps: false },
        { stroke: colour("--ink"), width: 1.6, points: { show: false }, spanGaps: false },
        { stroke: colour("--warm"), width: 2.4, points: { show: false }, spanGaps: false },
      ],
      bands: [{ series: [2, 1], fill: colour("--env") }],
      hooks: { drawClear: [under(data)], draw: [over(data), ribbons(canvas, data)], setCursor: [told(data)] },
      hot: heat,
    };
  };

  const splits = (data) => {
    const span = data.until_ms - data.from_ms, step = span > 14 * DAY ? 3 * DAY : span > 2 * DAY ? DAY : place.clientWidth < NARROW ? DAY / 3 : DAY / 8;
    const marks = [];
    for (let at = Math.ceil((data.from_ms + INDIA) / step) * step - INDIA; at < data.until_ms; at += step) marks.push(at);
    return marks;
  };

  const series = (data) => {
    const part = (values) => values.map((value) => (value === null ? null : value / 100));
    const heat = data.limits.find((limit) => limit.side === "hot");
    const above = data.mean.map((value) => (value !== null && heat && value > heat.at ? value / 100 : null));
    return [data.at, part(data.low), part(data.high), part(data.mean), above];
  };

  const failed = (message) => {
    const line = document.createElement("p");
    line.className = "empty";
    line.textContent = message || box.dataset.failed;
    place.replaceChildren(line);
    document.getElementById("hours").open = true;
  };

  const draw = (data) => {
    const canvas = document.createElement("canvas");
    canvas.className = "ribbons";
    place.replaceChildren();
    const plot = new uPlot(options(data, place.clientWidth, canvas), series(data), place);
    place.append(canvas);
    new ResizeObserver(() => place.clientWidth && plot.width !== place.clientWidth && plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  };

  fetch(box.dataset.src, { credentials: "same-origin", headers: { Accept: "application/json" } })
    .then(async (answer) => {
      const data = await answer.json();
      if (answer.ok) draw(data);
      else failed(data.message);
    })
    .catch(() => failed(""));
})();
