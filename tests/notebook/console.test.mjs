// The parts of the page's script that need no page. Run by test_console.py, which names the script;
// no packages, node alone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const source = readFileSync(process.env.CLOUDOPS_SCRIPT).toString("base64");
const { Store, arranged, clock, labels, plain, runs } = await import(`data:text/javascript;base64,${source}`);

const line = (number, text = `line ${number}`, row = 0) => [number, number, row, "stdout", text, 0, 0];
const some = { state: "running", lines: [], counts: {} };
const row = (name, more = {}) => ({
  ...some, id: name, name, line: name, cut: 0, where: "", ms: null, attempts: 1, note: "", last: "",
  ...more,
});
const rows = [row("a"), row("b")];
const snapshot = (more = {}) => ({
  ...some, seq: 0, plan: true, title: "t", rows, total: rows.length, has_log: true, ...more,
});
const delta = (seq, more = {}) => ({ ...some, type: "delta", seq, rows: [], ...more });

function loaded(more) {
  const said = [];
  const store = new Store((message) => said.push(message));
  store.load(snapshot(more));
  return { store, said };
}

const texts = (lines) => lines.map(({ text }) => text);

// Escape sequences

const styleOf = (codes) => runs(`${codes}x`).at(-1)[1];

test("text without escapes is one run", () => {
  assert.deepEqual(runs("hello"), [["hello", {}]]);
});

test("a colour holds until it is reset", () => {
  const found = runs("a\x1b[31mb\x1b[0mc");
  assert.deepEqual(found.map(([text]) => text), ["a", "b", "c"]);
  assert.deepEqual(found.map(([, { fg }]) => fg?.index), [undefined, 1, undefined]);
});

for (const [name, codes, key, colour] of [
  ["the 8 colours", "\x1b[34m", "fg", 4],
  ["the bright ones", "\x1b[91m", "fg", 9],
  ["backgrounds", "\x1b[42m", "bg", 2],
  ["bright backgrounds", "\x1b[107m", "bg", 15],
  ["the first of 256", "\x1b[38;5;3m", "fg", 3],
]) {
  test(`${name} are the theme's`, () => assert.equal(styleOf(codes)[key].index, colour));
}

for (const [name, codes, rgb] of [
  ["the cube of 256", "\x1b[38;5;208m", [255, 135, 0]],
  ["the greys of 256", "\x1b[38;5;244m", [128, 128, 128]],
  ["true colour", "\x1b[38;2;1;2;3m", [1, 2, 3]],
  ["true colour with colons", "\x1b[38:2:1:2:3m", [1, 2, 3]],
  ["true colour with colons and a colour space", "\x1b[38:2::1:2:3m", [1, 2, 3]],
]) {
  test(`${name} is read`, () => assert.deepEqual(styleOf(codes).fg.rgb, rgb));
}

for (const code of ["38;5;256", "38;5", "38;2;1;2", "38;2;1;2;300", "38;9;1", "38"]) {
  test(`${code} is no colour`, () => assert.equal(styleOf(`\x1b[${code}m`).fg, undefined));
}

test("what follows a colour in the same sequence is read", () => {
  assert.equal(styleOf("\x1b[38;5;208;1m").bold, true);
  assert.equal(styleOf("\x1b[38:5:208;4m").underline, true);
});

test("attributes are set and taken back", () => {
  assert.deepEqual(styleOf("\x1b[1;3;4;7;9m\x1b[22;23;24;27;29m"), {});
});

for (const [name, text] of [
  ["cursor movement", "a\x1b[2Kb\x1b[10;20H\x1b[?25l"],
  ["a window title", "a\x1b]0;title\x07b"],
  ["a link", "\x1b]8;;http://x/\x1b\\ab\x1b]8;;\x1b\\"],
  ["the clipboard", "a\x1b]52;c;aGk=\x07b"],
  ["a device string", "a\x1bP1$r0m\x1b\\b"],
  ["character sets", "\x1b(Ba\x1b=b"],
  ["C1 controls", "a\x9b2Jb\x9d0;title\x9c"],
  ["control characters", "a\x07\x08\x00b\x7f"],
  ["a sequence that is not finished", "ab\x1b[38;5"],
  ["a lone escape", "ab\x1b"],
  ["private SGR", "\x1b[>4;2mab"],
]) {
  test(`${name} is dropped`, () => {
    assert.equal(plain(text), "ab");
    for (const [, style] of runs(text)) assert.deepEqual(style, {});
  });
}

test("markup is text like any other", () => {
  assert.deepEqual(runs("<img src=x>"), [["<img src=x>", {}]]);
});

test("tabs stay", () => assert.equal(plain("a\tb"), "a\tb"));

test("a million escapes are read in well under a second", () => {
  const begin = performance.now();
  runs("\x1b[".repeat(500_000));
  runs("\x1b]".repeat(500_000));
  assert.ok(performance.now() - begin < 1000);
});

for (const [name, text, read] of [
  ["a change of direction", "a\u202eb", "a⟨U+202E⟩b"],
  ["a space without width", "a\u200bb", "a⟨U+200B⟩b"],
  ["a line separator", "a\u2028b", "a⟨U+2028⟩b"],
  ["a tag", "a\u{e0041}b", "a⟨U+E0041⟩b"],
  ["a heap of marks", `e${"\u0301".repeat(500)}x`, `e${"\u0301".repeat(4)}⟨marks⟩x`],
]) {
  test(`${name} is written out`, () => {
    assert.equal(plain(text), read);
    assert.equal(runs(text).map(([each]) => each).join(""), read);
  });
}

test("joiners that spell words and emoji stay", () => {
  assert.equal(plain("\u{1f469}\u200d\u{1f680} می\u200cخواهم"), "\u{1f469}\u200d\u{1f680} می\u200cخواهم");
});

// The store

test("lines of a delta are added", () => {
  const { store } = loaded();
  store.receive(delta(1, { lines: [line(0), line(1)] }));
  assert.deepEqual(texts(store.lines), ["line 0", "line 1"]);
});

test("a line that comes again replaces the first", () => {
  const { store } = loaded();
  store.receive(delta(1, { lines: [line(0, "wai"), line(1)] }));
  store.receive(delta(2, { lines: [line(0, "waited")] }));
  assert.deepEqual(texts(store.lines), ["waited", "line 1"]);
});

test("a line that has left the page does not come back", () => {
  const { store } = loaded({ lines: [line(5)] });
  store.receive(delta(1, { lines: [line(2)] }));
  assert.deepEqual(texts(store.lines), ["line 5"]);
});

test("at most 1000 lines are kept", () => {
  const { store } = loaded();
  for (let seq = 1; seq <= 5; seq += 1) {
    const lines = Array.from({ length: 400 }, (_, index) => line(seq * 400 + index));
    store.receive(delta(seq, { lines }));
  }
  assert.equal(store.lines.length, 1000);
  assert.equal(store.lines.at(-1).text, "line 2399");
});

test("a delta that is known already changes nothing", () => {
  const { store } = loaded({ seq: 3 });
  store.receive(delta(3, { lines: [line(0)] }));
  assert.deepEqual(store.lines, []);
});

test("a gap is answered by asking for a snapshot, once", () => {
  const { store, said } = loaded();
  store.receive(delta(2, { lines: [line(1)] }));
  store.receive(delta(3, { lines: [line(2)] }));
  assert.deepEqual(said, [{ type: "sync" }]);
  assert.deepEqual(store.lines, []);
});

test("a snapshot repairs a gap", () => {
  const { store } = loaded();
  store.receive(delta(2));
  store.load(snapshot({ seq: 2, lines: [line(0), line(1)] }));
  store.receive(delta(3, { lines: [line(2)] }));
  assert.deepEqual(texts(store.lines), ["line 0", "line 1", "line 2"]);
});

test("a snapshot older than what is known is ignored", () => {
  const { store } = loaded({ seq: 5, lines: [line(7)] });
  store.load(snapshot({ seq: 4 }));
  assert.deepEqual(texts(store.lines), ["line 7"]);
});

test("what failed is noted once, whether a delta or a snapshot tells it", () => {
  const failed = snapshot({ seq: 2, rows: [row("a", { state: "failed" }), rows[1]] });
  const { store } = loaded();
  store.load(failed);
  assert.deepEqual(store.failures, [0]);
  store.receive(delta(3, { rows: [{ row: 1, state: "failed" }] }));
  store.load({ ...failed, seq: 4, rows: rows.map((each) => ({ ...each, state: "failed" })) });
  assert.deepEqual(store.failures, [0, 1]);
});

test("what had failed before the page looked on is not noted", () => {
  const { store } = loaded({ rows: [row("a", { state: "failed" }), rows[1]] });
  assert.deepEqual(store.failures, []);
});

test("a command's state is changed by a delta", () => {
  const { store } = loaded();
  store.receive(delta(1, { rows: [{ row: 1, state: "failed", ms: 1200, note: "exit code 1" }] }));
  const { name, state, note } = store.rows[1];
  assert.deepEqual([name, state, note], ["b", "failed", "exit code 1"]);
});

test("a command's last line is followed", () => {
  const { store } = loaded();
  store.receive(delta(1, { lines: [line(0, "x", 1), line(1, "y", 1)] }));
  assert.equal(store.rows[1].last, "y");
});

test("picking a command shows what is at hand and asks for the rest", () => {
  const { store, said } = loaded({ lines: [line(0, "a", 0), line(1, "b", 1)] });
  assert.deepEqual(texts(store.linesOf(1)), ["b"]);
  assert.deepEqual(said, [{ type: "tail", row: 1 }]);
});

test("the lines of a picked command are replaced by what the kernel has, and go on", () => {
  const { store } = loaded();
  store.linesOf(1);
  store.receive({ type: "tail", row: 1, lines: [line(0, "old", 1), line(3, "new", 1)] });
  store.receive(delta(1, { lines: [line(4, "newer", 1), line(5, "other", 0)] }));
  assert.deepEqual(texts(store.linesOf(1)), ["old", "new", "newer"]);
});

test("whoever watches is told of each change", () => {
  const { store } = loaded();
  let told = 0;
  store.watchers.add(() => (told += 1));
  store.receive(delta(1));
  store.load(snapshot({ seq: 2 }));
  assert.equal(told, 2);
});

// The table

const states = ["completed", "pending", "running", "failed", "skipped", "timeout", "cancelling"];
const table = states.map((state, index) => row(`step ${index}`, { state, last: `said ${state}` }));

test("failures come first, then what runs, waits, is done; else as in the plan", () => {
  assert.deepEqual(arranged(table, null, ""), [3, 5, 2, 6, 1, 0, 4]);
});

test("a group holds all states of its kind", () => {
  assert.deepEqual(arranged(table, "failed", ""), [3, 5]);
  assert.deepEqual(arranged(table, "running", ""), [2, 6]);
});

test("text is looked for in name and last line, in small letters or capitals", () => {
  assert.deepEqual(arranged(table, null, "STEP 4"), [4]);
  assert.deepEqual(arranged(table, null, "said t"), [5]);
});

test("rows that a snapshot has no room for are asked for, once each", () => {
  const { store, said } = loaded({ total: 5 });
  const more = { type: "rows", row: 2, rows: [row("c"), row("d")] };
  store.receive(more);
  store.receive(more);
  store.receive({ type: "rows", row: 4, rows: [row("e")] });
  assert.deepEqual(said, [{ type: "rows", row: 2 }, { type: "rows", row: 4 }]);
  assert.deepEqual(store.rows.map(({ name }) => name), ["a", "b", "c", "d", "e"]);
});

test("what changes in a row that is not there yet is left to the row's own message", () => {
  const { store } = loaded({ total: 3 });
  store.receive(delta(1, { rows: [{ row: 2, state: "failed" }], lines: [line(0, "x", 2)] }));
  assert.equal(store.rows.length, 2);
});

test("a command's line that was cut is asked for", async () => {
  const { store, said } = loaded({ rows: [row("a", { cut: 3 })], total: 1 });
  const whole = store.lineOf(0);
  assert.deepEqual(said, [{ type: "line", row: 0 }]);
  store.receive({ type: "line", row: 0, line: "a and more" });
  assert.equal(await whole, "a and more");
});

// Small words

test("times read as in the header", () => {
  assert.deepEqual(
    [clock(42_300, false), clock(42_300, true), clock(65_000, true), clock(3_723_000, false)],
    ["0:42", "42.3 s", "1:05", "1:02:03"],
  );
});

test("short names are labels as they are", () => {
  const names = ["scan us-east-1", "scan eu-west-1"];
  assert.deepEqual(labels(names), names);
});

test("long names lose the words they share", () => {
  const regions = ["us-east-1", "eu-west-1"];
  const names = regions.map((region) => `aws ec2 describe-volumes --region ${region} --no-color`);
  assert.deepEqual(labels(names), regions);
});

test("long names that share nothing are cut in the middle", () => {
  const [label] = labels(["a-very-long-name-without-any-space-1", "b"]);
  assert.equal(label, "a-very-long…ny-space-1");
});

test("names that are alike keep a word", () => {
  assert.deepEqual(labels(Array(2).fill("the same long name in both")), ["both", "both"]);
});
