// The commands of a plan: a table of which only the rows in sight are in the page.

const ROW_PX = 24;
const SPARE_ROWS = 4; // drawn above and below what is in sight

class Commands {
  constructor(store, signal, pick, redraw) {
    this.store = store;
    this.pick = pick;
    this.redraw = redraw;
    this.order = [];
    this.group = null;
    this.text = "";
    this.current = null; // the row that Tab leads to; the arrow keys lead on
    this.drawn = new Map(); // a row's index to what stands for it in the page
    this.node = element("div", "cloudops-plan");
    this.table = element("div", "cloudops-commands", { role: "table", "aria-label": "Commands" });
    this.body = element("div", "cloudops-rows", { role: "rowgroup" });
    this.table.append(this.body);
    this.node.append(this.buildFilter(signal), this.table);
    this.table.addEventListener("click", (event) => this.onClick(event), { signal });
    this.table.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.table.addEventListener("scroll", redraw, { signal, passive: true });
    for (const type of ["pointerleave", "focusout"]) {
      this.table.addEventListener(type, redraw, { signal });
    }
    const ticking = setInterval(() => this.tick(), 1000);
    signal.addEventListener("abort", () => clearInterval(ticking));
  }

  buildFilter(signal) {
    const bar = element("div", "cloudops-filter", { role: "toolbar", "aria-label": "Filter" });
    this.chips = GROUPS.map(([group]) => {
      const chip = button("cloudops-chip", "", signal, () => {
        this.group = this.group === group ? null : group;
        this.rearrange();
      });
      chip.dataset.group = group;
      bar.append(chip);
      return chip;
    });
    this.search = focusable("input", "cloudops-search", {
      type: "search", placeholder: "Filter commands", "aria-label": "Filter commands",
    });
    this.search.addEventListener("input", () => {
      this.text = this.search.value;
      this.rearrange();
    }, { signal });
    this.found = element("span", "cloudops-found");
    bar.append(this.search, this.found);
    return bar;
  }

  /** A filter was changed: the order is made anew, whoever points where. */
  rearrange() {
    this.order = [];
    this.table.scrollTop = 0;
    this.redraw();
  }

  draw(picked) {
    this.picked = picked;
    const { rows } = this.store;
    this.drawFilter();
    if (!this.isHeld(rows)) {
      this.order = arranged(rows, this.group, this.text);
      this.known = rows.length;
    }
    const { order } = this;
    const isFiltered = this.group !== null || this.text.trim() !== "";
    put(this.found, isFiltered ? `${order.length.toLocaleString("en")} shown` : "");
    this.table.setAttribute("aria-rowcount", order.length);
    this.body.style.height = `${order.length * ROW_PX}px`;
    this.drawRows(picked);
  }

  /** Rows keep their places while somebody points at them or goes through them with the keys: a
   * click must not hit the row that has just moved there. */
  isHeld(rows) {
    return this.order.length > 0 && this.known === rows.length
      && (this.table.matches(":hover") || this.table.querySelector(":focus-visible") !== null);
  }

  drawFilter() {
    for (const [at, [group, states]] of GROUPS.entries()) {
      const n = states.reduce((sum, state) => sum + (this.store.counts[state] ?? 0), 0);
      put(this.chips[at], `${n.toLocaleString("en")} ${group}`);
      this.chips[at].hidden = n === 0 && this.group !== group;
      this.chips[at].setAttribute("aria-pressed", this.group === group);
    }
  }

  drawRows(picked) {
    const { order, table } = this;
    const first = Math.max(0, Math.floor(table.scrollTop / ROW_PX) - SPARE_ROWS);
    const end = Math.ceil((table.scrollTop + table.clientHeight) / ROW_PX) + SPARE_ROWS;
    const places = new Map();
    for (let place = first; place < Math.min(end, order.length); place += 1) {
      places.set(order[place], place);
    }
    const focused = this.rowOf(document.activeElement);
    if (focused !== null && !places.has(focused)) {
      const place = order.indexOf(focused); // the focus stays, out of sight
      if (place >= 0) places.set(focused, place);
    }
    if (!places.has(this.current)) this.current = order[first] ?? null;
    for (const [row, { node }] of this.drawn) {
      if (places.has(row)) continue;
      node.remove();
      this.drawn.delete(row);
    }
    let before = null; // in the page rows stand as they are seen: Tab and readers follow that
    for (const [row, place] of [...places].sort((one, other) => one[1] - other[1])) {
      const drawn = this.drawn.get(row) ?? this.make(row);
      const wanted = before ? before.nextSibling : this.body.firstChild;
      if (drawn.node !== wanted) this.body.insertBefore(drawn.node, wanted);
      before = drawn.node;
      this.fill(drawn, this.store.rows[row], place);
      this.mark(drawn, row === picked, row === this.current);
    }
  }

  make(index) {
    const { name, line, where } = this.store.rows[index];
    const cell = (className) => element("span", className, { role: "cell" });
    const drawn = {
      node: element("div", "cloudops-row", { role: "row" }),
      icon: cell("cloudops-icon"),
      name: focusable("button", "cloudops-name", { type: "button", title: plain(line) }),
      note: element("span", "cloudops-note"),
      last: element("span", "cloudops-last"),
      attempts: cell("cloudops-attempts"),
      time: cell("cloudops-time"),
      stop: focusable("button", "cloudops-stop", {
        type: "button", "aria-label": `Cancel ${name}`,
      }),
    };
    drawn.icon.append(element("span", "cloudops-mark", { role: "img" }));
    put(drawn.name, name);
    put(drawn.stop, "Cancel");
    const nameCell = cell("cloudops-name-cell");
    const place = cell("cloudops-where");
    const text = cell("cloudops-text");
    const action = cell("cloudops-action");
    nameCell.append(drawn.name);
    put(place, where);
    place.title = where;
    text.append(drawn.note, drawn.last);
    action.append(drawn.stop);
    drawn.node.append(drawn.icon, nameCell, place, text, drawn.attempts, drawn.time, action);
    this.drawn.set(index, drawn);
    return drawn;
  }

  mark(drawn, isPicked, isCurrent) {
    if (drawn.isPicked !== isPicked) {
      drawn.isPicked = isPicked;
      drawn.name.setAttribute("aria-pressed", isPicked);
      drawn.node.classList.toggle("cloudops-is-picked", isPicked);
    }
    drawn.name.tabIndex = drawn.stop.tabIndex = isCurrent ? 0 : -1;
  }

  fill(drawn, row, place) {
    if (drawn.place !== place) {
      drawn.place = place;
      drawn.node.style.top = `${place * ROW_PX}px`;
      drawn.node.setAttribute("aria-rowindex", place + 1);
    }
    if (drawn.row === row) return;
    drawn.row = row;
    put(drawn.note, row.note);
    put(drawn.last, row.last);
    put(drawn.time, timeOf(row));
    put(drawn.attempts, row.attempts > 1 ? `×${row.attempts}` : "");
    drawn.attempts.title = row.attempts > 1 ? count(row.attempts, "attempt") : "";
    if (drawn.node.dataset.state === row.state) return;
    drawn.node.dataset.state = row.state;
    drawn.icon.firstChild.setAttribute("aria-label", row.state);
    drawn.icon.title = row.state;
    drawn.stop.hidden = !isLive(row);
    drawn.stop.disabled = row.state === "cancelling";
  }

  tick() {
    for (const { row, time } of this.drawn.values()) if (isLive(row)) put(time, timeOf(row));
  }

  rowOf(node) {
    for (const [row, drawn] of this.drawn) if (drawn.node.contains(node)) return row;
    return null;
  }

  onClick({ target }) {
    const row = this.rowOf(target);
    if (row === null) return;
    this.current = row;
    const stop = target.closest(".cloudops-stop");
    if (stop) {
      stop.disabled = true;
      this.store.cancel(row);
    } else this.pick(row);
  }

  onKey(event) {
    const steps = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity };
    const row = this.rowOf(event.target);
    if (!(event.key in steps) || row === null) return;
    event.preventDefault();
    const last = this.order.length - 1;
    const place = Math.min(last, Math.max(0, this.order.indexOf(row) + steps[event.key]));
    this.current = this.order[place];
    const { table } = this;
    const top = place * ROW_PX;
    table.scrollTop = Math.min(top, Math.max(table.scrollTop, top + ROW_PX - table.clientHeight));
    this.drawRows(this.picked);
    this.drawn.get(this.current).name.focus({ preventScroll: true });
    this.redraw();
  }
}

function timeOf(row) {
  if (row.ms === null) return "";
  return isLive(row) ? clock(performance.now() - row.since, false) : clock(row.ms, true);
}
