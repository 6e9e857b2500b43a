// The list: a line for each thing, in five groups; what has not changed is not touched.

import { changes, el, mark, place, say } from "./dom.js";
import { ago } from "./time.js";

const GROUPS = ["Waits for a person", "Went back", "Stands still", "Moving", "At rest"];
const KINDS = { rollout: "Rollout", upgrade: "Mesh upgrade", switchover: "Switchover" };

const lines = new Map(); // id -> line
const rows = new Map(); // id -> nodes
const groups = GROUPS.map(group);
const filters = { text: "", namespace: "", phase: "", owner: "" };
let view = null;
let drawing = false;

function group(title, rank) {
  const heading = el("h2", { id: `group-${rank}` }, title);
  const list = el("ul", { class: "lines", "aria-labelledby": `group-${rank}` });
  return { title, heading, list, section: el("section", { class: "group", "data-rank": rank }, heading, list) };
}

export function show(main) {
  if (!view) view = build();
  main.replaceChildren(view.root);
  draw();
}

export function hear(news) {
  if (news.whole) lines.clear();
  for (const id of news.gone) lines.delete(id);
  for (const line of news.lines) lines.set(line.id, line);
  if (!drawing) {
    drawing = true;
    requestAnimationFrame(() => { drawing = false; draw(); });
  }
}

function build() {
  const count = el("p", { class: "quiet", id: "count", role: "status" });
  const none = el("p", { class: "quiet none" }, "");
  const bar = el("form", { class: "filters", role: "search", "aria-label": "Filter the list" },
    field("text", "Name", el("input", { id: "f-text", type: "search", autocomplete: "off" })),
    field("namespace", "Namespace", el("select", { id: "f-namespace" })),
    field("phase", "Phase", el("select", { id: "f-phase" })),
    field("owner", "Owner", el("select", { id: "f-owner" })));
  bar.addEventListener("submit", (event) => event.preventDefault());
  const root = el("div", { class: "list" }, el("h1", {}, "Rollouts"), bar, count, none,
    ...groups.map((each) => each.section));
  return { root, count, none };
}

function field(name, label, input) {
  input.addEventListener("input", () => { filters[name] = input.value; draw(); });
  return el("div", { class: "field" }, el("label", { for: input.id }, label), input);
}

function draw() {
  if (!view || !view.root.isConnected) return;
  for (const name of ["namespace", "phase", "owner"]) options(name);
  const shown = [...lines.values()].filter(fits);
  shown.sort((one, other) => one.rank - other.rank || (one.id < other.id ? -1 : 1));
  groups.forEach((each, rank) => {
    const mine = shown.filter((line) => line.rank === rank);
    if (each.section.hidden !== (mine.length === 0)) each.section.hidden = mine.length === 0;
    say(each.heading, `${each.title} (${mine.length})`);
    place(each.list, mine.map(row));
  });
  for (const id of rows.keys()) if (!lines.has(id)) rows.delete(id);
  say(view.count, shown.length === lines.size ? `${lines.size} in all` : `${shown.length} of ${lines.size}`);
  say(view.none, lines.size === 0 ? "Nothing is here yet: push a Rollout, and it shows." : shown.length === 0 ? "Nothing fits the filter." : "");
}

function fits(line) {
  const text = filters.text.trim().toLowerCase();
  return (!text || `${line.namespace}/${line.name}`.toLowerCase().includes(text))
    && ["namespace", "phase", "owner"].every((name) => !filters[name] || line[name] === filters[name]);
}

function options(name) {
  const select = document.getElementById(`f-${name}`);
  const values = [...new Set([...lines.values()].map((line) => line[name]).filter(Boolean))].sort();
  if (!changes(select, values)) return;
  select.replaceChildren(el("option", { value: "" }, "all"), ...values.map((value) => el("option", { value }, value)));
  select.value = values.includes(filters[name]) ? filters[name] : "";
  filters[name] = select.value;
}

function row(line) {
  let made = rows.get(line.id);
  if (!made) {
    made = nodes(line);
    rows.set(line.id, made);
  }
  if (made.line !== line) fill(made, line);
  return made.item;
}

function nodes(line) {
  const part = (name) => el("span", { class: name });
  const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span", {}));
  const made = { name: part("name"), phase: part("phase"), sides: part("sides"), weight: part("weight"),
    step: part("step"), because: part("because"), since: part("since"), bar };
  const href = `#/${line.id.split("/").map(encodeURIComponent).join("/")}`;
  made.anchor = el("a", { href }, made.name, made.phase, made.sides, bar, made.weight, made.step, made.because, made.since);
  made.item = el("li", {}, made.anchor);
  return made;
}

function fill(made, line) {
  made.line = line;
  const kind = line.kind === "rollout" ? "" : `${KINDS[line.kind]} `;
  say(made.name, `${kind}${line.namespace ? `${line.namespace}/` : ""}${line.name}`);
  say(made.phase, line.phase);
  mark(made.phase, "data-phase", line.phase);
  say(made.sides, line.canary ? `${line.stable || "none yet"} → ${line.canary}` : line.stable);
  say(made.weight, line.weight === null ? "" : `${line.weight}%`);
  made.bar.hidden = line.weight === null;
  made.bar.firstChild.style.width = `${line.weight || 0}%`;
  say(made.step, line.step);
  say(made.because, line.because);
  say(made.since, ago(line.since));
}

setInterval(() => {
  if (!view || !view.root.isConnected || document.visibilityState === "hidden") return;
  for (const made of rows.values()) if (made.item.isConnected) say(made.since, ago(made.line.since));
}, 5000);
