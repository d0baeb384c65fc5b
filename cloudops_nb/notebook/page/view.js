// The whole of it: the commands' table, the tools, the output.

function draw(store, el) {
  const leaving = new AbortController();
  const { signal } = leaving;
  const root = element("div", "cloudops-console");
  let picked = null;
  let announced = null;
  let failures = 0;

  const status = element("div", "cloudops-status", { role: "status", "aria-live": "polite" });
  const pick = (row) => {
    picked = row === picked ? null : row;
    output.show(picked);
    redraw();
  };
  /** Says what has changed to those who do not see it: how the run stands, and what failed. */
  const announce = () => {
    const fresh = store.failures.slice(failures);
    failures = store.failures.length;
    if (announced !== null && announced !== store.state) {
      put(status, `${store.title}: ${store.state}`);
    } else if (fresh.length === 1 && store.plan) {
      const { name, state } = store.rows[fresh[0]];
      put(status, `${name}: ${state}`);
    } else if (fresh.length && store.plan) put(status, `${count(fresh.length, "command")} failed`);
    announced = store.state;
  };
  const redraw = onceAFrame(() => {
    root.dataset.plan = store.plan;
    root.style.setProperty("--cloudops-label", `${store.labelChars}ch`);
    commands.node.hidden = !store.plan;
    if (store.plan) commands.draw(picked);
    output.draw();
    tools.draw();
    announce();
  });

  const commands = new Commands(store, signal, pick, redraw);
  const output = new Output(store, signal, redraw);
  const tools = new Tools(store, output, signal, redraw, () => pick(null));
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && picked !== null) pick(null);
  }, { signal });
  root.append(commands.node, tools.node, output.node, status);
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
      model.on("msg:custom", (message, buffers) => store.receive(message, buffers));
      model.send({ type: "sync" }); // what was sent before this line is lost
    },
    render: ({ el }) => draw(store, el),
  };
};
