// Plots of time series, by uPlot; each has its numbers in words beside it.

import { el, say } from "./dom.js";

/* global uPlot */

const kept = new Map(); // key -> { root, plot, size }
const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => { for (const each of kept.values()) { each.drawn = ""; each.again(); } });

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function forget() {
  for (const each of kept.values()) if (each.plot) each.plot.destroy();
  kept.clear();
}

// `series`: [{ label, colour, dash, stepped, fill }], aligned with `data` after its times, in seconds.
export function plot(key, { title, summary, series, data, y, log, height = 180, hover }) {
  let mine = kept.get(key);
  if (!mine) {
    const words = el("figcaption", {});
    const box = el("div", { class: "canvas", "aria-hidden": "true" });
    const legend = el("p", { class: "legend", "aria-hidden": "true" }, ...series.map((each) =>
      el("span", { "data-colour": each.colour }, each.label)));
    const under = el("p", { class: "hover quiet", "aria-hidden": "true" });
    mine = { root: el("figure", {}, el("h3", {}, title), legend, box, under, words), box, words, under, plot: null, drawn: "" };
    kept.set(key, mine);
    new ResizeObserver(() => mine.plot && mine.plot.setSize({ width: mine.box.clientWidth, height })).observe(box);
  }
  mine.again = () => plot(key, { title, summary, series, data, y, log, height, hover });
  mine.hover = hover;
  say(mine.words, summary);
  const shape = JSON.stringify([series, log, dark.matches]);
  if (mine.drawn !== shape || !mine.plot) {
    if (mine.plot) mine.plot.destroy();
    mine.drawn = shape;
    mine.plot = new uPlot(options(mine, { series, y, log, height }), data, mine.box);
  } else {
    mine.plot.setData(data);
  }
  return mine.root;
}

function options(mine, { series, y, log, height }) {
  const text = colour("--quiet"), grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: text, grid, ticks: grid, font: "12px system-ui, sans-serif" };
  const move = (self) => {
    const at = self.cursor.idx;
    say(mine.under, mine.hover && at !== null && at !== undefined ? mine.hover(at) : "");
  };
  return {
    width: Math.max(200, mine.box.clientWidth || 300),
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { setCursor: [move] },
    scales: { x: { time: true }, y: log ? { distr: 3, range: y.range } : { range: y.range } },
    axes: [
      { ...axis, space: 80, values: (_, ticks) => ticks.map((tick) => hour(tick, ticks[1] - ticks[0])) },
      { ...axis, size: widest, values: (_, ticks) => ticks.map((tick) => y.words(tick)), ...(log ? { splits: powers, filter: (_, splits) => splits } : {}) },
    ],
    series: [{}, ...series.map((each) => ({
      label: each.label,
      stroke: colour(each.colour),
      width: each.width || 2,
      dash: each.dash,
      spanGaps: true,
      points: { show: each.points || undefined, size: 6 },
      fill: each.fill ? `${colour(each.colour)}22` : undefined,
      paths: each.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
    }))],
  };
}

// As wide as the longest of its labels, in a font of 12 pixels, with room for the tick.
function widest(_, labels) {
  return 24 + 7 * Math.max(4, ...(labels || []).map((label) => String(label).length));
}

// Lines at whole powers of ten, about four of them.
function powers(self) {
  const { min, max } = self.scales.y;
  const from = Math.ceil(Math.log10(min)), to = Math.floor(Math.log10(max));
  const step = Math.max(1, Math.ceil((to - from) / 4));
  const found = [];
  for (let power = from; power <= to; power += step) found.push(10 ** power);
  return found;
}

function hour(seconds, step) {
  const finer = step < 60 ? { second: "2-digit" } : {};
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...finer });
}

export function percent(share) {
  if (share === null || share === undefined) return "nothing counted";
  const value = share * 100;
  return `${value === 0 || value >= 10 ? value.toFixed(1) : value.toPrecision(2)}%`;
}
