// Elements from values: text is text whatever it says, and a link leads to https or stays text.

const KNOWN = new Set(["class", "id", "href", "type", "for", "role", "title", "rel", "tabindex", "value",
  "max", "scope", "autocomplete", "name", "lang", "datetime"]);

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (!KNOWN.has(name) && !name.startsWith("aria-") && !name.startsWith("data-")) throw new Error(name);
    made.setAttribute(name, String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

export function link(href, text) {
  if (!/^https:\/\//.test(href || "")) return el("span", {}, text);
  return el("a", { href, rel: "noopener noreferrer" }, text);
}

// Changes nothing where it says so already, so that a selection and a screen reader stay undisturbed.
export function say(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

export function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

export function mark(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

const shown = new WeakMap(); // node -> what it shows, as JSON

// Whether `node` shows something else than `value`; from now on it shows that.
export function changes(node, value) {
  const wanted = JSON.stringify(value);
  if (shown.get(node) === wanted) return false;
  shown.set(node, wanted);
  return true;
}

// The children of `parent` are `wanted`, in that order; those that stand right are not touched.
export function place(parent, wanted) {
  let at = parent.firstChild;
  for (const node of wanted) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

export function tell(text) {
  const told = document.getElementById("told");
  told.textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { told.textContent = ""; }, 8000);
}
