// What can be done with the output that is shown: find, copy, download, wrap, times.

const MAX_LOG_BYTES = 10 * 1024 * 1024; // what is passed on to the page of a log
const MAX_COPY_BYTES = 512 * 1024; // one piece: a clipboard stays open for seconds only
const PIECE_MS = 700; // the Jupyter server passes on about 1 MB/s

class Tools {
  constructor(store, output, signal, redraw, showAll) {
    this.store = store;
    this.output = output;
    this.signal = signal;
    this.node = element("div", "cloudops-tools", { role: "toolbar", "aria-label": "Output" });
    this.what = element("span", "cloudops-picked-title");
    this.find = focusable("input", "cloudops-search", {
      type: "search", placeholder: "Find in output", "aria-label": "Find in output",
    });
    this.found = element("span", "cloudops-found");
    this.message = element("span", "cloudops-message", { role: "status" });
    const press = (label, pressed) => button("cloudops-tool", label, signal, pressed);
    this.all = press("Show all output", showAll);
    this.line = press("Copy command", () => this.copyLine());
    this.copy = press("Copy log", () => this.copyLog());
    this.save = press("Download log", () => this.download());
    this.find.addEventListener("input", () => {
      output.find(this.find.value);
      redraw();
    }, { signal });
    this.find.addEventListener("keydown", (event) => {
      if (event.key === "Enter") output.goToMatch(event.shiftKey ? -1 : 1);
      if (event.key === "Escape" && this.find.value) {
        this.find.value = "";
        output.find("");
        event.stopPropagation();
      }
      redraw();
    }, { signal });
    this.node.append(
      this.what, this.find, this.found,
      this.toggle("Wrap", "wrap", true), this.toggle("Times", "times", false),
      this.line, this.copy, this.save, this.all, this.message,
    );
  }

  toggle(label, name, isOn) {
    const set = () => {
      made.setAttribute("aria-pressed", isOn);
      this.output.node.dataset[name] = isOn;
      this.output.follower.follow();
    };
    const made = button("cloudops-tool", label, this.signal, () => {
      isOn = !isOn;
      set();
    });
    set();
    return made;
  }

  /** The one command that is shown; null where all of a plan are. */
  get row() {
    return this.store.plan ? this.output.row : 0;
  }

  draw() {
    const { row, store } = this;
    const isPicked = this.output.row !== null;
    if (row !== this.shown) this.say("");
    this.shown = row;
    const hasLog = row !== null && store.hasLog && store.rows[row].state !== "pending";
    this.what.hidden = this.all.hidden = !isPicked;
    if (isPicked) put(this.what, plain(store.rows[row].line));
    this.line.hidden = row === null;
    this.copy.hidden = this.save.hidden = !hasLog;
    const { matches, match } = this.output;
    if (!this.find.value) put(this.found, "");
    else if (matches.length) {
      put(this.found, `${match < 0 ? "" : `${match + 1} of `}${count(matches.length, "line")}`);
    } else put(this.found, "not found in the lines here");
  }

  say(text) {
    put(this.message, text);
  }

  async copied(what, text) {
    try {
      await copyText(text, this.node);
      this.say(`${what} copied`);
    } catch (error) {
      this.say(`${what} not copied: ${error.message}`);
    }
  }

  async copyLine() {
    await this.copied("Command", await this.store.lineOf(this.row));
  }

  async copyLog() {
    const log = await this.readLog(MAX_COPY_BYTES, "copied");
    if (log) await this.copied("Log", plain(await new Blob(log).text()));
  }

  async download() {
    this.save.disabled = true;
    const { id } = this.store.rows[this.row];
    const log = await this.readLog(MAX_LOG_BYTES, "downloaded");
    this.save.disabled = false;
    put(this.save, "Download log");
    if (!log) return;
    saveFile(`${id}.log`, log);
    this.say("Log downloaded");
  }

  /** All of a command's log, in pieces; null, and says why, where it is too large or missing. */
  async readLog(limit, what) {
    const { row } = this;
    const pieces = [];
    for (let at = 0, end = 1; at < end;) {
      const [{ error, size, path }, bytes] = await this.store.logPiece(row, at);
      if (error) return this.say(error) ?? null;
      if (size > limit) {
        return this.say(`Too large to be ${what} here (${megabytes(size)}): ${plain(path)}`) ?? null;
      }
      pieces.push(bytes);
      at += bytes.byteLength;
      end = bytes.byteLength ? size : at; // what is not there any more is not waited for
      if (at < end) {
        put(this.save, `Downloading ${Math.round((100 * at) / end)} %`);
        await new Promise((resolve) => setTimeout(resolve, PIECE_MS));
      }
    }
    return pieces;
  }
}

const megabytes = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
