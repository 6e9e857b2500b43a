// One upgrade of the mesh: its states, its waves with their namespaces, and whose the proxies are.

import { changes, el, say } from "./dom.js";
import { section, head, fillHead, fillSteps, fillVerdicts, verdicts, fillNotes, fillHistory, lastChange } from "./parts.js";
import { clock } from "./time.js";

export function page(main, thing) {
  const parts = {
    head: head("Mesh upgrade"), states: el("ol", { class: "steps" }), proxies: el("div", { class: "proxies" }),
    waves: el("div", { class: "waves" }), verdicts: verdicts(), notes: el("dl", {}),
    history: el("ol", { class: "history" }), since: el("p", { class: "quiet" }), gone: el("p", { class: "problem", role: "alert" }),
  };
  parts.sections = {
    states: section("States", parts.states),
    proxies: section("Proxies", parts.proxies),
    waves: section("Waves", parts.waves),
    verdicts: parts.verdicts.root,
    notes: section("Notes", parts.notes),
    history: section("History", parts.since, parts.history),
  };
  main.replaceChildren(el("div", { class: "one" }, parts.head.root, parts.gone, ...Object.values(parts.sections)));
  return (sheet) => fill(parts, sheet, thing);
}

function fill(parts, sheet, thing) {
  if (sheet === null) {
    say(parts.gone, "It is not there: deleted, or never made. It shows as soon as it is.");
    say(parts.head.title, thing.name);
    return;
  }
  say(parts.gone, "");
  document.title = `${sheet.name} · Rollouts`;
  fillHead(parts.head, sheet, thing);
  fillSteps(parts.states, sheet.states || []);
  fillVerdicts(parts.verdicts.body, sheet.verdicts || []);
  fillNotes(parts.notes, sheet.notes || []);
  fillHistory(parts.history, sheet.history || []);
  say(parts.since, lastChange(sheet));
  proxies(parts.proxies, sheet);
  waves(parts.waves, sheet);
  for (const name of ["states", "proxies", "waves", "verdicts", "notes", "history"]) {
    parts.sections[name].hidden = !(sheet[name] || []).length;
  }
}

function proxies(box, sheet) {
  if (!changes(box, [sheet.proxies, sheet.from, sheet.to])) return;
  box.replaceChildren(meter(sheet.proxies || [], sheet), el("ul", { class: "plain" }, ...(sheet.proxies || []).map((one) =>
    el("li", {}, el("b", {}, one.revision), `  ${one.count} ${one.count === 1 ? "proxy" : "proxies"}${role(one.revision, sheet)}`))));
}

function role(revision, sheet) {
  return revision === sheet.to ? " (the new one)" : revision === sheet.from ? " (the old one)" : "";
}

function meter(counts, sheet) {
  const all = counts.reduce((sum, one) => sum + one.count, 0);
  const done = counts.filter((one) => one.revision === sheet.to).reduce((sum, one) => sum + one.count, 0);
  const share = all ? Math.round((100 * done) / all) : 0;
  const bar = el("div", { class: "split", role: "img", "aria-label": `${done} of ${all} proxies are at ${sheet.to}` },
    el("span", { class: "split-stable" }, share === 100 ? "" : `${all - done} elsewhere`),
    el("span", { class: "split-canary" }, share === 0 ? "" : `${done} at ${sheet.to}`));
  bar.firstChild.style.width = `${100 - share}%`;
  bar.lastChild.style.width = `${share}%`;
  return bar;
}

function waves(box, sheet) {
  if (!changes(box, sheet.waves)) return;
  box.replaceChildren(...(sheet.waves || []).map((wave) => {
    const state = wave.ended ? `done at ${clock(wave.ended)}` : wave.began ? `since ${clock(wave.began)}` : "not begun";
    return el("div", { class: "wave" }, el("h3", {}, wave.name, el("span", { class: "quiet" }, `  ${state}`)),
      el("ul", { class: "pods" }, ...wave.namespaces.map((one) => el("li", { "data-standing": one.standing, "data-ready": one.standing === "Moved" },
        el("span", { class: "words" }, one.name),
        el("span", { class: "quiet" }, said(one))))));
  }));
}

function said(one) {
  const parts = [one.standing];
  if (one.workloads) parts.push(`${one.done} of ${one.workloads} workloads`);
  if (one.proxies.length) parts.push(one.proxies.map(({ revision, count }) => `${count} at ${revision}`).join(", "));
  if (one.confidence === "annotations") parts.push("by annotations only");
  if (one.left.length) parts.push(`left: ${one.left.join(", ")}`);
  return parts.join(" · ");
}
