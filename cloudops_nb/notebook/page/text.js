// The console of a live view. What it is sent and what it answers: see console.py, which makes one
// module of the files here. Text reaches the page through text nodes and attributes only, never as
// markup.

// Lines: from text with escape sequences to runs of one style, with nothing left that acts.

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
// What is invisible or reorders text is written out, as in records (render/ansi.py).
const UNSEEN = /(?![\t\n\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const PILED_UP = /([\p{Mn}\p{Me}\u200c\u200d]{4})[\p{Mn}\p{Me}\u200c\u200d]+/gu;
const PLAIN = /^[\t\n -~]*$/;
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
    if (end > start) found.push([visible(line.slice(start, end)), style]);
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
  return visible(line.replace(ESCAPE, ""));
}

function visible(text) {
  if (PLAIN.test(text)) return text;
  const code = (char) => char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return text.replace(UNSEEN, (char) => `⟨U+${code(char)}⟩`).replace(PILED_UP, "$1⟨marks⟩");
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
