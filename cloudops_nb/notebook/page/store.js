// The model: what the kernel has told, one for all views of a console.

const MAX_LINES = 1000; // in the page, as in transcript.py
const ANSWER_MS = 1000; // after this a question to the kernel may be asked again
const LABEL_CHARS = 22; // of a command's name before each of its lines

const GROUPS = [
  ["failed", ["failed", "timeout", "interrupted"]],
  ["running", ["running", "cancelling"]],
  ["pending", ["pending"]],
  ["done", ["completed"]],
  ["cancelled", ["cancelled"]],
  ["skipped", ["skipped"]],
];
const GROUP = Object.fromEntries(
  GROUPS.flatMap(([group, states]) => states.map((state) => [state, group])),
);
const RANK = { failed: 0, running: 1, pending: 2, done: 3, cancelled: 3, skipped: 3 };
const isLive = (row) => GROUP[row.state] === "running";
const isBad = (row) => GROUP[row.state] === "failed";

export class Store {
  constructor(send) {
    this.send = send;
    this.seq = -1;
    this.plan = false;
    this.title = "";
    this.state = "";
    this.counts = {};
    this.total = 0;
    this.hasLog = false;
    this.rows = []; // in the end all, but never more at once than a message takes
    this.askedFor = new Set();
    this.labels = [];
    this.labelChars = 0;
    this.lines = [];
    this.tails = new Map(); // of the commands somebody has picked
    this.failures = []; // rows that failed while the page looked on
    this.waiting = new Map(); // for answers: a question's key to what resolves it
    this.watchers = new Set();
    this.asked = -Infinity;
  }

  /** The whole state; older than what is known, it is ignored. */
  load(snapshot) {
    if (!(snapshot?.seq >= this.seq)) return;
    const { seq, plan, title, state, counts, total } = snapshot;
    Object.assign(this, { seq, plan, title, state, counts, total, hasLog: snapshot.has_log });
    this.askedFor.clear();
    this.lines = snapshot.lines.map(parsed);
    this.asked = -Infinity;
    this.addRows(0, snapshot.rows);
    for (const row of this.tails.keys()) this.askTail(row);
    this.changed();
  }

  receive(message, buffers = []) {
    const { type } = message;
    if (type === "tail") this.tails.set(message.row, message.lines.map(parsed));
    if (type === "rows") this.addRows(message.row, message.rows);
    if (type === "delta") this.apply(message);
    if (type === "line" || type === "log") this.answer(message, buffers);
    this.changed();
  }

  addRows(start, rows) {
    if (start > this.rows.length) return; // another page's question
    rows.forEach((row, at) => {
      const old = this.rows[start + at];
      if (old && !isBad(old) && isBad(row)) this.failures.push(start + at);
      this.rows[start + at] = { ...row, last: plain(row.last), since: since(row) };
    });
    const fresh = labels(this.rows.map(({ name }) => name));
    const isSame = fresh.length === this.labels.length
      && fresh.every((label, at) => label === this.labels[at]);
    if (!isSame) this.labels = fresh; // another array: lines are drawn anew
    this.labelChars = this.labels.reduce((most, { length }) => Math.max(most, length), 0);
    const next = start + rows.length;
    if (next >= this.total || this.askedFor.has(next)) return;
    this.askedFor.add(next);
    this.send({ type: "rows", row: next });
  }

  apply(delta) {
    if (delta.seq <= this.seq) return;
    if (delta.seq > this.seq + 1) return this.sync();
    const { seq, state, counts } = delta;
    Object.assign(this, { seq, state, counts });
    for (const { row, ...change } of delta.rows) {
      if (this.change(row, { ...change, since: since(change) }) && isBad(change)) {
        this.failures.push(row);
      }
    }
    for (const item of delta.lines) {
      const line = parsed(item);
      merge(this.lines, line);
      if (this.tails.has(line.row)) merge(this.tails.get(line.row), line);
      if (line.kind !== "note") this.change(line.row, { last: plain(line.text) });
    }
    trim(this.lines);
    for (const lines of this.tails.values()) trim(lines);
  }

  /** Whether the row was there and its state is another. */
  change(row, change) {
    const old = this.rows[row];
    if (old) this.rows[row] = { ...old, ...change };
    return old !== undefined && old.state !== this.rows[row].state;
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

  /** A command's line, uncut. */
  async lineOf(row) {
    const { line, cut } = this.rows[row];
    return cut ? (await this.question({ type: "line", row }))[0].line : line;
  }

  /** A piece of a command's log: what was told about it, and its bytes. */
  logPiece(row, from) {
    return this.question({ type: "log", row, from });
  }

  question(asked) {
    return new Promise((resolve) => {
      this.waiting.set(key(asked), resolve);
      this.send(asked);
    });
  }

  answer(message, buffers) {
    this.waiting.get(key(message))?.([message, buffers[0]]);
    this.waiting.delete(key(message));
  }

  cancel(row) {
    this.send({ type: "cancel", id: this.rows[row].id });
  }

  changed() {
    for (const watcher of this.watchers) watcher();
  }
}

const key = ({ type, row, from }) => `${type} ${row} ${from}`;

function parsed([number, rowNumber, row, kind, text, cut, at]) {
  return { number, rowNumber, row, kind, text, cut, at };
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

/** The rows to show, in order: failures first, then what runs, waits, is done. */
export function arranged(rows, group, text) {
  const wanted = text.trim().toLowerCase();
  const ranks = [[], [], [], []];
  rows.forEach((row, index) => {
    const own = GROUP[row.state];
    if ((!group || own === group) && (!wanted || words(row).includes(wanted))) {
      ranks[RANK[own]].push(index);
    }
  });
  return ranks.flat();
}

const words = ({ name, where, line, note, last }) =>
  [name, where, line, note, last].join("\n").toLowerCase();

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
