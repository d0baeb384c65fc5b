// The output of one command or of all.

const BLOCK_LINES = 50; // that the browser lays out together, or leaves alone while out of sight

/** The output of one command or of all. */
class Output {
  constructor(store, signal, redraw) {
    this.store = store;
    this.row = null;
    this.lines = null;
    this.drawn = new Map(); // a line's number to what stands for it in the page
    this.labels = null;
    this.wanted = ""; // in small letters
    this.matches = []; // the numbers of the lines it is in
    this.match = -1; // which of them was gone to
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
    if (lines !== this.lines || this.labels !== this.store.labels) {
      this.lines = lines;
      this.labels = this.store.labels;
      this.drawn.clear();
      this.body.replaceChildren();
    }
    if (this.follower.on) this.leaveOut(lines);
    this.add(lines);
    this.drawMatches();
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
      const block = node.parentElement;
      gap?.remove();
      node.remove();
      if (!block.childElementCount) block.remove();
      this.drawn.delete(number);
    }
  }

  add(lines) {
    let before = null;
    for (const line of lines) {
      const known = this.drawn.get(line.number);
      if (known) {
        if (known.line !== line) {
          this.paint(known.node, line);
          Object.assign(known, { line, words: undefined });
        }
      } else if (this.drawn.size < MAX_LINES) {
        const missing = before ? this.place(line) - this.place(before) - 1 : 0;
        const gap = missing > 0 ? element("div", "cloudops-aside") : null;
        if (gap) {
          gap.textContent = `${count(missing, "line")} left out here, see the log`;
        }
        const node = document.createElement("div");
        this.paint(node, line);
        this.block().append(...(gap ? [gap, node] : [node]));
        this.drawn.set(line.number, { line, node, gap });
      }
      before = line;
    }
  }

  /** What the next line is put into. */
  block() {
    const last = this.body.lastElementChild;
    if (last && last.childElementCount < BLOCK_LINES) return last;
    const block = element("div", "cloudops-block");
    this.body.append(block);
    return block;
  }

  find(text) {
    this.wanted = text.toLowerCase();
    this.match = -1;
  }

  /** Scrolls to the next (1) or the previous (-1) line that has what is looked for: at first, to
   * the last one. */
  goToMatch(step) {
    this.drawMatches(); // Enter may come before the page has drawn what was typed
    const { length } = this.matches;
    if (!length) return;
    this.match = this.match < 0 ? length - 1 : (this.match + step + length) % length;
    const { node } = this.drawn.get(this.matches[this.match]);
    this.follower.on = false;
    this.box.scrollTop = node.offsetTop - this.box.clientHeight / 2;
  }

  drawMatches() {
    if (!this.wanted && !this.matches.length) return;
    const now = this.matches[this.match];
    this.matches = [];
    for (const [number, drawn] of this.drawn) {
      drawn.words ??= plain(drawn.line.text).toLowerCase();
      const isFound = this.wanted !== "" && drawn.words.includes(this.wanted);
      if (isFound) this.matches.push(number);
      drawn.node.classList.toggle("cloudops-is-found", isFound);
      drawn.node.classList.toggle("cloudops-is-match", isFound && number === now);
    }
    this.match = now === undefined ? -1 : this.matches.indexOf(now);
  }

  paint(node, line) {
    node.className = "cloudops-line";
    node.dataset.kind = line.kind;
    node.dataset.time = timeOfDay(line.at);
    node.replaceChildren();
    if (line.kind === "stderr") {
      node.setAttribute("role", "group");
      node.setAttribute("aria-label", "stderr");
    }
    if (this.store.plan && this.row === null) {
      node.dataset.command = this.store.labels[line.row] ?? "";
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
    else put(this.earlier, isLive({ state }) ? "No output yet" : "No output");
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

/** To the millisecond, by the clock of whoever looks on. */
function timeOfDay(at) {
  const time = new Date(at);
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two);
  return `${h}:${m}:${s}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
