// The console of a live view. What it is sent and what it answers: see console.py.
// Text reaches the page through text nodes and attributes only, never as markup.

const MAX_LINES = 1000; // in the page, as in transcript.py
const ANSWER_MS = 1000; // after this a question to the kernel may be asked again
const NEAR_END_PX = 8;
const LABEL_CHARS = 22; // of a command's name before each of its lines

// ---- Lines: from text with escape sequences to runs of one style.

const ESCAPE = new RegExp(
  [
    // CSI; without its end, as far as it goes
    "(?:\\x1b\\[|\\x9b)([0-?]*)[ -/]*([@-~]?)",
    // OSC, DCS and the like: a string, up to its end or the next escape
    "(?:\\x1b[\\]PX^_]|[\\x90\\x98\\x9d-\\x9f])[^\\x07\\x1b\\x9c]*(?:\\x07|\\x1b\\\\|\\x9c)?",
    "\\x1b[ -/]*[0-~]?",
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]",
  ].join("|"),
  "g",
);
const FLAGS = {
  1: "bold",
  2: "dim",
  3: "italic",
  4: "underline",
  7: "inverse",
  8: "hidden",
  9: "strike",
};
const ENDS = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  28: ["hidden"],
  29: ["strike"],
  39: ["fg"],
  49: ["bg"],
};

/** Splits a line into `[text, style]` runs; drops all control but SGR (ECMA-48 8.3.117). */
export function runs(line) {
  const found = [];
  let style = {};
  let start = 0;
  const add = (end) => {
    if (end > start) found.push([line.slice(start, end), style]);
  };
  for (const match of line.matchAll(ESCAPE)) {
    add(match.index);
    start = match.index + match[0].length;
    if (match[2] === "m" && /^[\d;:]*$/.test(match[1])) style = restyled(style, match[1]);
  }
  add(line.length);
  return found;
}

/** The line as it reads, without any control. */
export function plain(line) {
  return line.replace(ESCAPE, "");
}

function restyled(old, body) {
  let style = { ...old };
  const params = body.split(";");
  while (params.length) {
    const param = params.shift();
    const [first, ...sub] = param.split(":");
    const code = Number(first);
    if (code === 0) style = {};
    else if (code === 4 && sub[0] === "0") delete style.underline;
    else if (FLAGS[code]) style[FLAGS[code]] = true;
    else if (ENDS[code]) for (const key of ENDS[code]) delete style[key];
    else if (code === 38 || code === 48) {
      const colour = extended(sub, params);
      if (colour) style[code === 38 ? "fg" : "bg"] = colour;
    } else if (code >= 30 && code <= 37) style.fg = indexed(code - 30);
    else if (code >= 40 && code <= 47) style.bg = indexed(code - 40);
    else if (code >= 90 && code <= 97) style.fg = indexed(code - 82);
    else if (code >= 100 && code <= 107) style.bg = indexed(code - 92);
  }
  return style;
}

/** `5;n` or `2;r;g;b`, after semicolons or (ISO 8613-6, with or without a colour space) colons. */
function extended(sub, params) {
  const colons = sub.length > 0;
  const kind = colons ? sub.shift() : params.shift();
  const from = colons ? sub : params;
  if (kind === "5") return indexed(Number(from.shift()));
  if (kind !== "2") return null;
  if (colons && from.length > 3) from.shift();
  const rgb = from.splice(0, 3).map(Number);
  return rgb.length === 3 && rgb.every(isByte) ? { rgb } : null;
}

/** A colour is `{rgb}`, or `{index, rgb}` for one of the 16 that a theme has its own shades of. */
function indexed(index) {
  if (!isByte(index)) return null;
  if (index < 16) return { index, rgb: BASE[index] };
  if (index >= 232) return { rgb: Array(3).fill(8 + 10 * (index - 232)) };
  const level = (n) => (n ? 55 + 40 * n : 0);
  const cube = index - 16;
  return { rgb: [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level) };
}

const isByte = (n) => Number.isInteger(n) && n >= 0 && n <= 255;
const BASE = [
  [0, 0, 0], [179, 38, 30], [30, 120, 60], [200, 150, 0],
  [30, 90, 190], [140, 60, 160], [0, 125, 140], [229, 229, 229],
  [102, 102, 102], [225, 70, 60], [60, 185, 90], [240, 200, 60],
  [85, 150, 245], [190, 110, 220], [60, 190, 205], [255, 255, 255],
];

/** Gives a node a run's style. On a background text keeps the colour it was given, or is black or
 * white; on the page itself it gets the theme's shade of it. */
function dress(node, style) {
  for (const flag of Object.values(FLAGS)) if (style[flag]) node.classList.add(`cloudops-${flag}`);
  const [ink, paper] = style.inverse ? [style.bg, style.fg] : [style.fg, style.bg];
  if (paper) {
    const [r, g, b] = paper.rgb.map((part) => (part / 255) ** 2.2);
    const bright = 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18; // as far from black as from white
    node.style.backgroundColor = rgb(paper);
    node.style.color = ink ? rgb(ink) : bright ? "#000" : "#fff";
  } else if (style.inverse) {
    if (ink) node.style.color = rgb(ink);
  } else if (ink?.index !== undefined) {
    node.style.color = `var(--cloudops-ansi-${ink.index})`;
  } else if (ink) {
    node.classList.add("cloudops-ink");
    node.style.setProperty("--cloudops-ink", rgb(ink));
  }
}

const rgb = (colour) => `rgb(${colour.rgb.join(",")})`;

// ---- The model: what the kernel has told, one for all views of a console.

export class Store {
  constructor(send) {
    this.send = send;
    this.seq = -1;
    this.plan = false;
    this.title = "";
    this.state = "";
    this.rows = [];
    this.labels = [];
    this.labelChars = 0;
    this.lines = [];
    this.tails = new Map(); // of the commands somebody has picked
    this.watchers = new Set();
    this.asked = -Infinity;
  }

  /** The whole state; older than what is known, it is ignored. */
  load(snapshot) {
    if (!(snapshot?.seq >= this.seq)) return;
    const { seq, plan, title, state } = snapshot;
    Object.assign(this, { seq, plan, title, state });
    this.rows = snapshot.rows.map((row) => ({ ...row, since: since(row) }));
    this.labels = labels(snapshot.rows.map(({ name }) => name));
    this.labelChars = Math.max(...this.labels.map((label) => label.length));
    this.lines = snapshot.lines.map(parsed);
    this.asked = -Infinity;
    for (const row of this.tails.keys()) this.askTail(row);
    this.changed();
  }

  receive(message) {
    if (message.type === "tail") this.tails.set(message.row, message.lines.map(parsed));
    if (message.type === "delta") this.apply(message);
    this.changed();
  }

  apply(delta) {
    if (delta.seq <= this.seq) return;
    if (delta.seq > this.seq + 1) return this.sync();
    this.seq = delta.seq;
    this.state = delta.state;
    for (const { row, ...change } of delta.rows) {
      this.rows[row] = { ...this.rows[row], ...change, since: since(change) };
    }
    for (const item of delta.lines) {
      const line = parsed(item);
      merge(this.lines, line);
      if (this.tails.has(line.row)) merge(this.tails.get(line.row), line);
      if (line.kind !== "note") this.rows[line.row] = { ...this.rows[line.row], last: line.text };
    }
    trim(this.lines);
    for (const lines of this.tails.values()) trim(lines);
  }

  /** Asks for the whole state: something was lost. */
  sync() {
    if (performance.now() - this.asked < ANSWER_MS) return;
    this.asked = performance.now();
    this.send({ type: "sync" });
  }

  /** The lines of one command (those at hand until the kernel has sent more), or of all. */
  linesOf(row) {
    if (row === null) return this.lines;
    if (!this.tails.has(row)) {
      this.tails.set(row, this.lines.filter((line) => line.row === row));
      this.askTail(row);
    }
    return this.tails.get(row);
  }

  askTail(row) {
    this.send({ type: "tail", row });
  }

  cancel(row) {
    this.send({ type: "cancel", id: this.rows[row].id });
  }

  changed() {
    for (const watcher of this.watchers) watcher();
  }
}

function parsed([number, rowNumber, row, kind, text, cut]) {
  return { number, rowNumber, row, kind, text, cut };
}

/** When it began by this page's clock: the kernel's may be another machine's. */
const since = (row) => performance.now() - (row.ms ?? 0);

/** Adds a line, or replaces one that has grown. Lines are in the order of their numbers. */
function merge(lines, line) {
  let at = lines.length;
  while (at > 0 && lines[at - 1].number >= line.number) at -= 1;
  if (lines[at]?.number === line.number) lines[at] = line;
  else if (at === lines.length) lines.push(line);
}

function trim(lines) {
  if (lines.length > MAX_LINES) lines.splice(0, lines.length - MAX_LINES);
}

/** What tells names apart, short: where one is long, without the words all begin and end with. */
export function labels(names) {
  if (names.every((name) => name.length <= LABEL_CHARS)) return names;
  const words = names.map((name) => name.split(" "));
  const shared = (at) => words.every((each) => each.length > 1 && each.at(at) === words[0].at(at));
  if (names.length > 1) {
    while (shared(0)) for (const each of words) each.shift();
    while (shared(-1)) for (const each of words) each.pop();
  }
  return words.map((each) => inTheMiddle(each.join(" ")));
}

function inTheMiddle(text) {
  if (text.length <= LABEL_CHARS) return text;
  const head = Math.ceil((LABEL_CHARS - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length + head + 1 - LABEL_CHARS)}`;
}

// ---- The view.

const LIVE = new Set(["running", "cancelling"]);
const BAD = new Set(["failed", "timeout", "interrupted"]);

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

/** The output of one command or of all. */
class Output {
  constructor(store, signal, redraw) {
    this.store = store;
    this.row = null;
    this.lines = null;
    this.drawn = new Map(); // a line's number to what stands for it in the page
    this.box = focusable("div", "cloudops-output", {
      role: "log", "aria-live": "off", "aria-label": "Output", tabindex: "0",
    });
    this.earlier = element("div", "cloudops-aside");
    this.body = element("div", "cloudops-lines");
    this.box.append(this.earlier, this.body);
    this.jump = focusable("button", "cloudops-jump", { type: "button" });
    this.jump.addEventListener("click", () => {
      this.follower.on = true;
      redraw();
    }, { signal });
    this.node = element("div", "cloudops-output-frame");
    this.node.append(this.box, this.jump);
    this.follower = new Follower(this.box, signal, redraw);
  }

  show(row) {
    this.row = row;
    this.follower.on = true;
  }

  draw() {
    const lines = this.store.linesOf(this.row);
    if (lines !== this.lines) {
      this.lines = lines;
      this.drawn.clear();
      this.body.replaceChildren();
    }
    if (this.follower.on) this.leaveOut(lines);
    this.add(lines);
    this.drawEdges(lines);
    this.follower.follow();
  }

  /** Takes away what is too old. Not while somebody reads further up: the text would run away. */
  leaveOut(lines) {
    for (const [number, { gap, node }] of this.drawn) {
      if (number >= lines[0].number) {
        gap?.remove();
        break;
      }
      gap?.remove();
      node.remove();
      this.drawn.delete(number);
    }
  }

  add(lines) {
    const fresh = document.createDocumentFragment();
    let before = null;
    for (const line of lines) {
      const known = this.drawn.get(line.number);
      if (known) {
        if (known.line !== line) this.paint(known.node, line);
        known.line = line;
      } else if (this.drawn.size < MAX_LINES) {
        const missing = before ? this.place(line) - this.place(before) - 1 : 0;
        const gap = missing > 0 ? element("div", "cloudops-aside") : null;
        if (gap) {
          gap.textContent = `${count(missing, "line")} left out here, see the log`;
          fresh.append(gap);
        }
        const node = document.createElement("div");
        this.paint(node, line);
        fresh.append(node);
        this.drawn.set(line.number, { line, node, gap });
      }
      before = line;
    }
    this.body.append(fresh);
  }

  paint(node, line) {
    node.className = "cloudops-line";
    node.dataset.kind = line.kind;
    node.replaceChildren();
    if (line.kind === "stderr") {
      node.setAttribute("role", "group");
      node.setAttribute("aria-label", "stderr");
    }
    if (this.store.plan && this.row === null) {
      node.dataset.command = this.store.labels[line.row];
      node.dataset.hue = line.row % 6;
    }
    for (const [text, style] of runs(line.text)) {
      const span = document.createElement("span");
      span.textContent = text;
      dress(span, style);
      node.append(span);
    }
    if (line.cut) {
      const cut = element("span", "cloudops-cut");
      cut.textContent = ` … ${count(line.cut, "more character")} in the log`;
      node.append(cut);
    }
  }

  drawEdges(lines) {
    const { state } = this.row === null ? this.store : this.store.rows[this.row];
    const earlier = lines.length ? this.place(this.drawn.values().next().value.line) : 0;
    if (earlier) put(this.earlier, `${count(earlier, "earlier line")} in the log`);
    else if (lines.length) put(this.earlier, "");
    else if (state === "pending") put(this.earlier, "Not started yet");
    else put(this.earlier, LIVE.has(state) ? "No output yet" : "No output");
    const total = lines.length && this.place(lines.at(-1)) + 1;
    if (this.follower.on) this.seen = total;
    const fresh = total - this.seen;
    this.jump.hidden = this.follower.on;
    if (!this.follower.on) put(this.jump, fresh ? `↓ ${count(fresh, "new line")}` : "↓ Latest");
  }

  /** The number of lines that came before this one. */
  place(line) {
    return this.row === null ? line.number : line.rowNumber;
  }
}

/** The commands of a plan, a line each. */
class Commands {
  constructor(store, signal, pick, announce) {
    this.store = store;
    this.announce = announce;
    this.drawn = [];
    this.latest = null; // the node of the command that started last
    this.following = true;
    this.node = element("div", "cloudops-commands", { role: "table", "aria-label": "Commands" });
    this.node.addEventListener("click", ({ target }) => {
      const row = this.drawn.findIndex(({ node }) => node.contains(target));
      if (row < 0) return;
      if (target.closest(".cloudops-stop")) {
        target.closest(".cloudops-stop").disabled = true;
        store.cancel(row);
      } else pick(row);
    }, { signal });
    this.node.addEventListener("scroll", () => {
      this.following = this.latest !== null && this.hidden(this.latest) === 0;
    }, { signal, passive: true });
    const ticking = setInterval(() => this.tick(), 1000);
    signal.addEventListener("abort", () => clearInterval(ticking));
  }

  draw(picked) {
    const { rows } = this.store;
    while (this.drawn.length < rows.length) this.drawn.push(this.make(rows[this.drawn.length]));
    let latest = null;
    rows.forEach((row, index) => {
      const drawn = this.drawn[index];
      if (drawn.picked !== (index === picked)) this.mark(drawn, index === picked);
      if (drawn.row === row) return;
      if (drawn.row?.state === "pending" && row.state === "running") latest = drawn.node;
      if (drawn.row && drawn.row.state !== row.state && BAD.has(row.state)) {
        this.announce(`${row.name}: ${row.state}`);
      }
      drawn.row = row;
      this.fill(drawn, row);
    });
    if (latest) {
      this.latest = latest;
      if (this.following) this.node.scrollTop += this.hidden(latest);
    }
  }

  make({ name, line }) {
    const cell = (className) => element("span", className, { role: "cell" });
    const node = element("div", "cloudops-row", { role: "row" });
    const drawn = {
      node,
      icon: cell("cloudops-icon"),
      name: focusable("button", "cloudops-name", { type: "button", title: line }),
      note: element("span", "cloudops-note"),
      last: element("span", "cloudops-last"),
      time: cell("cloudops-time"),
      stop: focusable("button", "cloudops-stop", {
        type: "button", "aria-label": `Cancel ${name}`,
      }),
    };
    drawn.icon.append(element("span", "cloudops-mark", { role: "img" }));
    drawn.name.textContent = name;
    drawn.stop.textContent = "Cancel";
    const nameCell = cell("cloudops-name-cell");
    const text = cell("cloudops-text");
    const action = cell("cloudops-action");
    nameCell.append(drawn.name);
    text.append(drawn.note, drawn.last);
    action.append(drawn.stop);
    node.append(drawn.icon, nameCell, text, drawn.time, action);
    this.node.append(node);
    return drawn;
  }

  mark(drawn, picked) {
    drawn.picked = picked;
    drawn.name.setAttribute("aria-pressed", picked);
    drawn.node.classList.toggle("cloudops-is-picked", picked);
  }

  fill(drawn, row) {
    put(drawn.note, row.note);
    put(drawn.last, plain(row.last));
    put(drawn.time, timeOf(row));
    if (drawn.node.dataset.state === row.state) return;
    drawn.node.dataset.state = row.state;
    drawn.icon.firstChild.setAttribute("aria-label", row.state);
    drawn.icon.title = row.state;
    drawn.stop.hidden = !LIVE.has(row.state);
    drawn.stop.disabled = row.state === "cancelling";
  }

  tick() {
    for (const { row, time } of this.drawn) {
      if (row && LIVE.has(row.state)) put(time, timeOf(row));
    }
  }

  /** How far a row is below the part of the table that is in sight; negative: above. */
  hidden(node) {
    const box = this.node.getBoundingClientRect();
    const { top, bottom } = node.getBoundingClientRect();
    return Math.max(0, Math.round(bottom - box.bottom)) || Math.min(0, Math.round(top - box.top));
  }
}

function timeOf(row) {
  if (row.ms === null) return "";
  return LIVE.has(row.state) ? clock(performance.now() - row.since, false) : clock(row.ms, true);
}

function draw(store, el) {
  const leaving = new AbortController();
  const { signal } = leaving;
  const root = element("div", "cloudops-console");
  let picked = null;
  let announced = null;

  const status = element("div", "cloudops-status", { role: "status", "aria-live": "polite" });
  const announce = (text) => put(status, text);
  const pick = (row) => {
    picked = row === picked ? null : row;
    output.show(picked);
    redraw();
  };
  const redraw = onceAFrame(() => {
    root.dataset.plan = store.plan;
    root.style.setProperty("--cloudops-label", `${store.labelChars}ch`);
    bar.hidden = picked === null;
    if (picked !== null) put(what, store.rows[picked].line);
    if (store.plan) commands.draw(picked);
    output.draw();
    if (announced !== null && announced !== store.state) {
      announce(`${store.title}: ${store.state}`);
    }
    announced = store.state;
  });

  const commands = new Commands(store, signal, pick, announce);
  const output = new Output(store, signal, redraw);
  const bar = element("div", "cloudops-picked");
  const what = element("span", "cloudops-picked-title");
  const all = focusable("button", "cloudops-all", { type: "button" });
  all.textContent = "Show all output";
  all.addEventListener("click", () => pick(null), { signal });
  bar.append(what, all);
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && picked !== null) pick(null);
  }, { signal });
  root.append(commands.node, bar, output.node, status);
  el.append(root);

  store.watchers.add(redraw);
  signal.addEventListener("abort", () => {
    store.watchers.delete(redraw);
    redraw.stop();
  });
  redraw();
  return () => leaving.abort();
}

// A function: called once for each console in the page, so that its views share one store.
export default () => {
  let store;
  return {
    initialize({ model }) {
      store = new Store((message) => model.send(message));
      store.load(model.get("snapshot"));
      model.on("change:snapshot", () => store.load(model.get("snapshot")));
      model.on("msg:custom", (message) => store.receive(message));
      model.send({ type: "sync" }); // what was sent before this line is lost
    },
    render: ({ el }) => draw(store, el),
  };
};
