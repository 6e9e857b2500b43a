// Who has logged in, and what they ask. The session itself is in a cookie that no script can read.

import { el, tell } from "./dom.js";

export let session = { login: "", closed: false, who: "", token: "" };

let changed = () => {};
let over = 0;

export async function begin(told) {
  changed = told;
  const left = sessionStorage.getItem("left");
  if (left) {
    sessionStorage.removeItem("left");
    history.replaceState(null, "", left);
  }
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key) {
    history.replaceState(null, "", "#/");
    await login(key);
  } else {
    take(await (await fetch("/api/session", { cache: "no-store" })).json());
  }
}

function take(told) {
  session = told;
  clearTimeout(over);
  if (session.who) over = setTimeout(again, Math.min(session.left * 1000 + 1000, 2 ** 31 - 1));
  const place = document.getElementById("session");
  place.replaceChildren();
  if (session.who) {
    place.append(el("span", { class: "who" }, session.who));
    place.append(button("Log out", logout));
  } else if (session.login) {
    place.append(button("Log in", ask));
  } else {
    place.append(el("span", { class: "who" }, "read-only"));
  }
  changed();
}

// The session may be over by now, or have been used in another tab.
async function again() {
  try {
    take(await (await fetch("/api/session", { cache: "no-store" })).json());
  } catch {
    over = setTimeout(again, 10000);
  }
}

export function button(text, act, kind = "") {
  const made = el("button", { type: "button", class: kind }, text);
  made.addEventListener("click", act);
  return made;
}

async function send(method, path, value) {
  const headers = { "Content-Type": "application/json", "X-Rollout-Token": session.token };
  const body = value === undefined ? undefined : JSON.stringify(value);
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, cache: "no-store" });
  } catch {
    return { status: 0, told: { problem: "no answer; is the controller there?" } };
  }
  const told = await answer.json().catch(() => ({ problem: `status ${answer.status}` }));
  return { status: answer.status, told };
}

async function login(secret) {
  const { status, told } = await send("POST", "/api/session", { secret });
  if (status === 200) {
    take(told);
    return "";
  }
  if (!session.login) await again();
  tell(told.problem);
  return told.problem;
}

async function logout() {
  const { told } = await send("DELETE", "/api/session");
  if (told.problem) tell(told.problem);
  else take(told);
}

const HINTS = {
  token: "A token of this cluster: kubectl create token, or what your OIDC login gives kubectl. "
    + "It goes to the API server with what you ask, and RBAC decides.",
  key: "The key of the address that rollout dashboard printed.",
};

export function ask() {
  if (session.login === "issuer") {
    sessionStorage.setItem("left", location.hash || "#/");
    location.assign("/login");
    return;
  }
  const field = el("input", { id: "secret", type: "password", autocomplete: "off", name: "secret" });
  const problem = el("p", { class: "problem", role: "alert" });
  const form = el("form", {},
    el("h2", { id: "dialog-title" }, "Log in"),
    el("p", {}, HINTS[session.login] || ""),
    el("label", { for: "secret" }, session.login === "key" ? "Key" : "Token"),
    field, problem,
    el("div", { class: "buttons" }, button("Cancel", close), el("button", { type: "submit", class: "main" }, "Log in")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const why = await login(field.value);
    field.value = "";
    if (why) problem.textContent = why;
    else close();
  });
  show(form);
  field.focus();
}

export function confirm(thing, verb, means) {
  const problem = el("p", { class: "problem", role: "alert" });
  const act = button(`${verb[0].toUpperCase()}${verb.slice(1)}`, async () => {
    act.disabled = true;
    const { status, told } = await send("POST", "/api/ask", { ...thing, verb });
    act.disabled = false;
    if (status === 202) {
      close();
      tell(`asked to ${verb} ${thing.name}`);
      return;
    }
    problem.textContent = told.problem;
    if (status === 401) take({ ...session, who: "", token: "" });
  }, "main");
  show(el("div", {},
    el("h2", { id: "dialog-title" }, `${verb} ${thing.name}?`),
    el("p", {}, `${means[0].toUpperCase()}${means.slice(1)}.`),
    el("p", { class: "quiet" }, `As ${session.who}.`),
    problem,
    el("div", { class: "buttons" }, button("Cancel", close), act)));
}

function show(content) {
  const dialog = document.getElementById("dialog");
  dialog.replaceChildren(content);
  dialog.showModal();
}

function close() {
  document.getElementById("dialog").close();
}
