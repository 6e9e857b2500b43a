// Where one is on the page, and what is read for it.

import { el } from "./dom.js";
import * as list from "./list.js";
import * as mesh from "./mesh.js";
import * as one from "./one.js";
import { tick } from "./parts.js";
import { forget } from "./plots.js";
import * as session from "./session.js";
import { follow, stop } from "./source.js";

const main = document.getElementById("main");
let last = null; // the sheet that is shown, to be drawn again when who has logged in changes
let fill = null;

function place() {
  const [kind, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decode);
  if (kind === "upgrade" && rest.length === 1) return { kind, namespace: "", name: rest[0] };
  if ((kind === "rollout" || kind === "switchover") && rest.length === 2) return { kind, namespace: rest[0], name: rest[1] };
  return null;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function go(focus) {
  const thing = place();
  stop();
  forget();
  last = null;
  fill = null;
  if (session.session.closed && !session.session.who) {
    main.replaceChildren(el("h1", {}, "Rollouts"), el("p", {}, "Log in to read this page."));
    return;
  }
  if (!thing) {
    document.title = "Rollouts";
    list.show(main);
    follow("/api/lines", list.hear, refused);
  } else {
    fill = (thing.kind === "upgrade" ? mesh : one).page(main, thing);
    const path = ["api", thing.kind, thing.namespace, thing.name].filter(Boolean).map(encodeURIComponent).join("/");
    follow(`/${path}`, (sheet) => { last = { sheet }; fill(sheet); }, refused);
  }
  if (focus) main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function refused() {
  session.begin(go);
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", () => go(true));
setInterval(tick, 1000);

let before = "";
session.begin(() => {
  const now = JSON.stringify([session.session.closed, Boolean(session.session.who)]);
  if (before && before === now) return;
  const closed = session.session.closed;
  if (!before || closed) go(false);
  else if (last) fill(last.sheet);
  before = now;
});
