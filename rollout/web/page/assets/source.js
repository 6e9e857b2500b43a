// One stream at a time: opened again when it breaks, closed while nobody looks at the tab.
// A browser has six connections to a host for all of its tabs, so each tab has one.

import { heard } from "./time.js";

const SILENT = 25000; // the server says something every ten seconds

let open = null;

export function follow(path, hear, refused) {
  stop();
  open = { path, hear, refused, stream: null, last: Date.now(), tries: 0, timer: 0 };
  connect(open);
}

export function stop() {
  if (!open) return;
  clearTimeout(open.timer);
  if (open.stream) open.stream.close();
  open = null;
}

function connect(mine) {
  if (mine !== open || document.visibilityState === "hidden") return;
  const stream = new EventSource(mine.path);
  mine.stream = stream;
  mine.last = Date.now();
  const alive = () => {
    mine.last = Date.now();
    mine.tries = 0;
    state("live", "live");
  };
  stream.onopen = alive;
  stream.addEventListener("beat", (event) => {
    alive();
    heard(Number(event.data));
  });
  stream.onmessage = (event) => {
    alive();
    if (mine === open) mine.hear(JSON.parse(event.data));
  };
  stream.onerror = () => {
    if (mine !== open) return;
    state("lost", "connection lost; trying again");
    if (stream.readyState === EventSource.CLOSED) again(mine);
  };
}

async function again(mine) {
  mine.stream.close();
  mine.tries += 1;
  try {
    const answer = await fetch("/api/session", { cache: "no-store" });
    const told = await answer.json();
    if (told.closed && !told.who) {
      state("lost", "logged out");
      mine.refused();
      return;
    }
  } catch {
    // not there yet: asked again below
  }
  mine.timer = setTimeout(() => connect(mine), Math.min(10000, 500 * 2 ** mine.tries));
}

setInterval(() => {
  if (!open || !open.stream || document.visibilityState === "hidden") return;
  if (Date.now() - open.last > SILENT) {
    state("lost", "nothing heard; trying again");
    open.stream.close();
    connect(open);
  }
}, 1000);

document.addEventListener("visibilitychange", () => {
  if (!open) return;
  if (document.visibilityState === "hidden") {
    if (open.stream) open.stream.close();
  } else {
    clearTimeout(open.timer);
    connect(open);
  }
});

function state(name, text) {
  const node = document.getElementById("state");
  if (node.dataset.state === name && node.textContent === text) return;
  node.dataset.state = name;
  node.textContent = text;
}
