// One rollout, or one switchover: where it is, why, what was counted, and what was decided.

import { changes, counted, el, link, place, say } from "./dom.js";
import { metrics, timeline, section, head, fillHead, fillSteps, fillClocks, fillVerdicts, verdicts, fillNotes, fillHistory, lastChange } from "./parts.js";

export function page(main, thing) {
  const parts = {
    head: head(thing.kind === "rollout" ? "Rollout" : "Switchover"),
    steps: el("ol", { class: "steps" }), clocks: el("ul", { class: "clocks" }),
    plots: el("div", { class: "plots" }), verdicts: verdicts(), notes: el("dl", {}),
    history: el("ol", { class: "history" }), sides: el("div", { class: "sides" }), since: el("p", { class: "quiet" }),
    commits: el("p", { class: "commits" }),
  };
  parts.bar = el("div", { class: "split", role: "img" }, el("span", { class: "split-stable" }), el("span", { class: "split-canary" }));
  parts.sections = {
    steps: section("Steps", parts.steps, parts.clocks),
    plots: section("Plots", parts.plots),
    verdicts: parts.verdicts.root,
    sides: section("Pods", parts.sides),
    notes: section("Notes", parts.notes),
    history: section("History", parts.since, parts.history),
  };
  parts.gone = el("p", { class: "problem", role: "alert" });
  main.replaceChildren(el("div", { class: "one" }, parts.head.root, parts.gone, parts.bar, parts.commits, ...Object.values(parts.sections)));
  return (sheet) => fill(parts, sheet, thing);
}

function fill(parts, sheet, thing) {
  if (sheet === null) {
    say(parts.gone, "It is not there: deleted, or never made. It shows as soon as it is.");
    say(parts.head.title, `${thing.namespace}/${thing.name}`);
    return;
  }
  say(parts.gone, "");
  document.title = `${sheet.share ?? 0}% ${sheet.name} · Rollouts`;
  fillHead(parts.head, sheet, thing);
  const share = sheet.share ?? 0, [stable, canary] = names(sheet);
  parts.bar.firstChild.style.width = `${100 - share}%`;
  parts.bar.lastChild.style.width = `${share}%`;
  parts.bar.setAttribute("aria-label", canary ? `${canary} has ${share}% of ordinary requests, ${stable} ${100 - share}%` : `${stable} has everyone`);
  say(parts.bar.firstChild, share === 100 ? "" : `${stable} ${100 - share}%`);
  say(parts.bar.lastChild, share === 0 ? "" : `${canary || stable} ${share}%`);
  fillSteps(parts.steps, sheet.steps || []);
  fillClocks(parts.clocks, sheet.clocks || []);
  parts.sections.steps.hidden = !(sheet.steps || []).length;
  fillVerdicts(parts.verdicts.body, sheet.verdicts || []);
  parts.sections.verdicts.hidden = !(sheet.verdicts || []).length;
  fillNotes(parts.notes, sheet.notes || []);
  parts.sections.notes.hidden = !(sheet.notes || []).length;
  fillHistory(parts.history, sheet.history || []);
  say(parts.since, lastChange(sheet));
  parts.sections.history.hidden = !(sheet.history || []).length;
  sides(parts, sheet);
  parts.sections.plots.hidden = false; // before it is drawn: a plot is as wide as its place
  const over = timeline(`${thing.name}.weight`, sheet.history || [], share, thing.kind === "rollout" ? "canary" : "green");
  const drawn = [over, ...(sheet.plots || []).flatMap((one) => metrics(`${thing.name}.${one.label}`, one))].filter(Boolean);
  place(parts.plots, drawn);
  parts.sections.plots.hidden = drawn.length === 0;
}

function names(sheet) {
  if (!sheet.sides) return [sheet.stable, sheet.canary];
  return [sheet.sides.stable ? sheet.sides.stable.name : "none yet", sheet.sides.canary ? sheet.sides.canary.name : ""];
}

function sides(parts, sheet) {
  const found = Object.entries(sheet.sides || {}).filter(([, side]) => side);
  if (!changes(parts.sides, [sheet.sides, sheet.diff, sheet.author, sheet.names])) return;
  parts.sections.sides.hidden = !found.some(([, side]) => side.count);
  parts.sides.replaceChildren(...found.filter(([, side]) => side.count).map(([role, side]) => {
    const ready = side.pods.filter((pod) => pod.ready).length;
    const more = side.count > side.pods.length ? el("p", { class: "quiet" }, `and ${side.count - side.pods.length} more`) : "";
    return el("div", { "data-role": role }, el("h3", {}, `${role}: ${side.name}`),
      el("p", { class: "quiet" }, `${ready} of ${side.pods.length} ready`),
      el("ul", { class: "pods" }, ...side.pods.map((pod) => el("li", { "data-ready": pod.ready },
        el("span", { class: "words" }, pod.name),
        el("span", { class: "quiet" }, `${pod.ready ? "ready" : pod.state || "not ready"}${pod.restarts ? `, ${counted(pod.restarts, "restart")}` : ""}`)))), more);
  }));
  const commits = found.filter(([, side]) => side.commit)
    .map(([role, side]) => el("span", {}, `${role} `, side.link ? link(side.link, side.commit.slice(0, 10)) : el("code", {}, side.commit.slice(0, 10))));
  if (sheet.diff) commits.push(link(sheet.diff, "what changed between them"));
  if (sheet.author) commits.push(el("span", { class: "quiet" }, `by ${sheet.author}`));
  if (sheet.names) commits.push(...sheet.names.map((name) => el("code", {}, name)));
  parts.commits.replaceChildren(...commits);
}
