// Parts that the pages of all three kinds have: head, steps, clocks, verdicts, notes, history.

import { changes, counted, el, link, mark, place, say } from "./dom.js";
import { percent, plot } from "./plots.js";
import { ask, button, confirm, session } from "./session.js";
import { ago, clock, countdown, now } from "./time.js";

export function section(title, ...children) {
  const id = `s-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  const made = el("section", { class: "card", "aria-labelledby": id }, el("h2", { id }, title), ...children);
  made.hidden = true;
  return made;
}

export function head(crumb) {
  const parts = { title: el("h1", {}), phase: el("span", { class: "phase" }), because: el("p", { class: "because" }),
    next: el("p", { class: "quiet next" }), asks: el("div", { class: "asks" }) };
  parts.root = el("div", { class: "head" },
    el("nav", { "aria-label": "Breadcrumb" }, el("a", { href: "#/" }, "All"), el("span", { "aria-hidden": "true" }, " / "), el("span", {}, crumb)),
    el("div", { class: "title" }, parts.title, parts.phase), parts.because, parts.next, parts.asks);
  return parts;
}

export function fillHead(parts, sheet, thing) {
  say(parts.title, sheet.namespace ? `${sheet.namespace}/${sheet.name}` : sheet.name);
  say(parts.phase, sheet.phase);
  mark(parts.phase, "data-phase", sheet.phase);
  say(parts.because, sheet.because);
  say(parts.next, sheet.next || "");
  const verbs = sheet.verbs || [];
  if (!changes(parts.asks, [verbs, session.who, session.login])) return;
  const buttons = session.who
    ? verbs.map(({ verb, means }) => button(verb, () => confirm(thing, verb, means), `verb ${verb}`))
    : session.login && verbs.length ? [button(`Log in to ${verbs.map(({ verb }) => verb).join(", ")}`, ask)] : [];
  parts.asks.replaceChildren(...buttons);
}

export function fillSteps(list, steps) {
  const words = { past: "done", now: "now", ahead: "ahead" };
  if (!changes(list, steps)) return;
  list.replaceChildren(...steps.map((step) => el("li", { "data-state": step.state, "aria-current": step.state === "now" ? "step" : null },
    el("span", { class: "step-name" }, step.name),
    step.weight === undefined ? "" : el("span", { class: "step-weight" }, `${step.weight}%`),
    step.gate ? el("span", { class: "quiet" }, step.gate) : "",
    el("span", { class: "told" }, words[step.state]))));
}

let ticking = [];

export function fillClocks(list, clocks) {
  ticking = clocks.map((each) => {
    const left = el("b", {});
    const bar = el("progress", { max: each.whole, "aria-label": each.what });
    return { each, left, bar, item: el("li", {}, el("span", {}, `${each.what} `), left, bar, each.then ? el("span", { class: "quiet" }, `then ${each.then}`) : "") };
  });
  place(list, ticking.map(({ item }) => item));
  tick();
}

export function tick() {
  for (const { each, left, bar } of ticking) {
    const rest = Math.max(0, each.ends - now());
    say(left, `${countdown(rest)} left`);
    bar.value = Math.max(0, each.whole - rest);
  }
}

export function fillVerdicts(body, verdicts) {
  const side = (pair) => (pair ? `${percent(pair[1] ? pair[0] / pair[1] : 0)} (${Math.round(pair[0])} of ${Math.round(pair[1])})` : "–");
  if (!changes(body, verdicts)) return;
  body.replaceChildren(...verdicts.map((one) => el("tr", {},
    el("th", { scope: "row" }, one.label || one.metric, one.dryRun ? el("span", { class: "quiet" }, " (dry run)") : ""),
    el("td", { class: "outcome", "data-outcome": one.outcome }, one.said),
    el("td", { "data-label": "canary" }, side(one.canary)), el("td", { "data-label": "stable" }, side(one.stable)),
    el("td", { "data-label": "at most" }, one.tolerated === null ? "–" : percent(one.tolerated)),
    el("td", { "data-label": "evidence" }, one.evidence === null ? "–" : `${short(one.evidence)} of ${one.bar === null ? "?" : short(one.bar)}`),
    el("td", { class: "quiet words" }, one.text))));
}

export function verdicts() {
  const body = el("tbody", {});
  const columns = ["Metric", "Verdict", "Canary", "Stable", "At most", "Evidence of bar", "In words"];
  const table = el("table", {}, el("thead", {}, el("tr", {}, ...columns.map((name) => el("th", { scope: "col" }, name)))), body);
  return { body, root: section("Verdicts", el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Verdicts" }, table)) };
}

export function fillNotes(list, notes) {
  if (!changes(list, notes)) return;
  list.replaceChildren(...notes.map(({ label, text }) => el("div", {}, el("dt", {}, label), el("dd", {}, text))));
}

export function fillHistory(list, entries) {
  const known = new Map([...list.children].map((node) => [node.dataset.id, node]));
  place(list, entries.map((entry) => known.get(entry.id) || item(entry)));
}

function item(entry) {
  const weight = entry.weight === null || entry.weight === undefined ? "" : `${entry.weight}%`;
  const made = el("li", { "data-id": entry.id },
    el("time", { datetime: new Date(entry.at).toISOString(), title: new Date(entry.at).toLocaleString() }, clock(entry.at)),
    el("span", { class: "weight" }, weight), el("span", { class: "quiet" }, entry.stage),
    el("span", { class: "because" }, entry.because),
    entry.by ? el("span", { class: "quiet" }, `by ${entry.by}`) : "",
    entry.link ? link(entry.link, (entry.commit || "").slice(0, 10)) : "");
  if (entry.evidence) {
    made.append(el("details", {}, el("summary", {}, "what was seen"), el("p", { class: "quiet words" }, entry.evidence)));
  }
  return made;
}

export function timeline(key, entries, share, side) {
  const journey = entries.length ? entries[0].id.split(".")[0] : "";
  const mine = entries.filter((entry) => entry.weight !== null && entry.weight !== undefined && entry.id.split(".")[0] === journey).reverse();
  if (mine.length === 0) return null;
  const times = mine.map((entry) => entry.at / 1000), weights = mine.map((entry) => entry.weight);
  const end = Math.max(now() / 1000, times[times.length - 1] + 1);
  const words = (at) => (at < mine.length ? `${clock(mine[at].at)}  ${mine[at].weight}%: ${mine[at].because}` : `now: ${share}%`);
  return plot(key, {
    title: `Weight of ${side}`,
    summary: `${counted(mine.length, "decision")} from ${clock(mine[0].at)} on; ${side} has ${share}% now. Each is in the history below, with its reason.`,
    series: [{ label: `${side}'s share of ordinary requests`, colour: "--canary", stepped: true, fill: true, points: true }],
    data: [[...times, end], [...weights, share]],
    y: { range: [0, 100], words: (value) => `${value}%` },
    hover: words,
  });
}

export function metrics(key, one) {
  const times = one.at.map((at) => at / 1000);
  const last = times.length - 1;
  if (last < 0) return [];
  const line = one.tolerated[last];
  const top = Math.max(0.001, ...[...one.canary, ...one.stable, ...one.tolerated].filter((value) => value !== null));
  const word = (at) => `${clock(one.at[at])}  canary ${percent(one.canary[at])}, stable ${percent(one.stable[at])}`;
  const what = one.label === "errors" ? "Errors" : one.label.startsWith("over ") ? `Latency: share of requests ${one.label}` : one.label;
  const shares = plot(`${key}.shares`, {
    title: what,
    summary: `Canary ${percent(one.canary[last])}, stable ${percent(one.stable[last])} in the last interval; at most ${percent(line)} is fine.`,
    series: [{ label: "canary", colour: "--canary" }, { label: "stable", colour: "--stable" },
      { label: "tolerated", colour: "--limit", dash: [6, 4], width: 1 }],
    data: [times, one.canary, one.stable, one.tolerated],
    y: { range: [0, top * 1.15], words: (value) => percent(value) },
    hover: word,
  });
  const evidence = one.evidence.map((value) => (value === null ? null : Math.max(value, 0.001)));
  const bar = one.bar || 100;
  const most = Math.max(bar * 3, ...evidence.filter((value) => value !== null));
  const least = Math.min(0.1, ...evidence.filter((value) => value !== null));
  const against = plot(`${key}.evidence`, {
    title: `${what.split(":")[0]}: evidence against the canary`,
    summary: `${one.evidence[last] === null ? "No evidence yet" : `Evidence ${short(one.evidence[last])}`}; at ${short(bar)} everyone goes back.`,
    series: [{ label: "evidence", colour: "--canary" }, { label: "bar", colour: "--limit", dash: [6, 4], width: 1 }],
    data: [times, evidence, times.map(() => bar)],
    y: { range: [least, most], words: (value) => short(value) },
    log: true,
    hover: (at) => `${clock(one.at[at])}  evidence ${one.evidence[at] === null ? "not known" : short(one.evidence[at])}`,
  });
  return [shares, against];
}

export function short(value) {
  if (value >= 1e6) return value.toExponential(1);
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}

export function lastChange(sheet) {
  return sheet.since ? `last decision ${ago(sheet.since)}` : "";
}
