// Small things that everything drawn is made of.

const NEAR_END_PX = 8;

function element(tag, className, attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** What can have the focus keeps its keys: to the notebook, D D would mean to delete the cell. */
function focusable(tag, className, attributes = {}) {
  return element(tag, className, { "data-lm-suppress-shortcuts": "true", ...attributes });
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

export function clock(ms, ended) {
  const seconds = ms / 1000;
  if (ended && seconds < 60) return `${seconds.toFixed(1)} s`;
  const [h, m, s] = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Calls `draw` at most once a frame, however often it is asked to. */
function onceAFrame(draw) {
  let frame = 0;
  const ask = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  };
  ask.stop = () => cancelAnimationFrame(frame);
  return ask;
}

/** Keeps a box scrolled to its end, unless its reader has scrolled away from there. */
class Follower {
  constructor(box, signal, changed) {
    this.box = box;
    this.on = true;
    box.addEventListener("scroll", () => {
      const was = this.on;
      this.on = box.scrollHeight - box.scrollTop - box.clientHeight <= NEAR_END_PX;
      if (this.on !== was) changed();
    }, { signal, passive: true });
    // A box that was hidden has lost its place; lines that come into sight get their true height.
    const sizes = new ResizeObserver(() => this.follow());
    for (const each of [box, ...box.children]) sizes.observe(each);
    signal.addEventListener("abort", () => sizes.disconnect());
  }

  follow() {
    if (this.on) this.box.scrollTop = this.box.scrollHeight;
  }
}

function button(className, label, signal, pressed) {
  const made = focusable("button", className, { type: "button" });
  made.textContent = label;
  made.addEventListener("click", pressed, { signal });
  return made;
}

/** Puts text on the clipboard; the old way where the page is not a secure context. */
async function copyText(text, beside) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = element("textarea", "cloudops-status", { "aria-hidden": "true" });
  field.value = text;
  beside.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("this browser does not let the page copy");
}

function saveFile(name, parts) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "text/plain" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
