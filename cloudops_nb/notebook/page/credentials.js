// A question for AWS credentials. All text is put in as text; what is typed is sent and forgotten.

const HEARD_MS = 2000; // far longer than a kernel takes that hears

const UNHEARD =
  "The kernel has not heard it yet: a cell keeps it busy. It hears when that cell ends, or is " +
  "ended with ■.";

function node(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** What can have the focus keeps its keys: to the notebook, Enter would mean to edit the cell. */
function focusable(tag, className, text) {
  const made = node(tag, className, text);
  made.setAttribute("data-lm-suppress-shortcuts", "true");
  return made;
}

function button(className, text, pressed) {
  const made = focusable("button", className, text);
  made.type = "button";
  made.addEventListener("click", pressed);
  return made;
}

/** Text that is read aloud when it appears: somebody is waited for. */
function alert(className, text) {
  const made = node("span", className, text);
  made.setAttribute("role", "alert");
  return made;
}

/** A link to a page of https; of anything else, only its text. */
function link(url) {
  let safe = false;
  try {
    safe = new URL(url).protocol === "https:";
  } catch {
    safe = false; // it is no address at all
  }
  if (!safe) return node("span", "cloudops-ask-url", url);
  const made = focusable("a", "cloudops-ask-url", url);
  made.href = url;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}

function codeField(label, isWrong, entered) {
  const made = focusable("input", "cloudops-ask-code");
  made.type = "password";
  made.autocomplete = "one-time-code";
  made.inputMode = "numeric";
  made.setAttribute("aria-label", label); // a <label> that is an alert, too, names nothing
  made.setAttribute("aria-invalid", isWrong);
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    entered();
  });
  return made;
}

/** Gives the focus to a field once it is on the page; takes it from nothing else there. */
function focusIfNothingHasIt(field) {
  const shown = new ResizeObserver(() => {
    shown.disconnect();
    if (document.activeElement === document.body) field.focus({ preventScroll: true });
  });
  shown.observe(field);
}

function render({ model, el }) {
  const { kind, text, button: answerText, problem, code, url } = model.get("question");
  const form = node("div", "cloudops-ask"); // the notebook stops a real one from being submitted
  form.setAttribute("role", "form");
  form.setAttribute("aria-label", "AWS credentials");
  form.append(alert("cloudops-ask-text", text));
  if (problem) form.append(alert("cloudops-ask-problem", problem));

  let timer = 0;
  const send = (message) => {
    if (input) input.value = "";
    for (const each of form.querySelectorAll("button, input")) each.disabled = true;
    model.send(message);
    timer = setTimeout(() => form.append(alert("cloudops-ask-unheard", UNHEARD)), HEARD_MS);
  };
  const answer = () => {
    const typed = input ? input.value : "";
    if (!input || typed) send({ type: "answer", code: typed });
  };
  const input = kind === "code" ? codeField(text, Boolean(problem), answer) : null;
  if (input) form.append(input);
  if (problem) focusIfNothingHasIt(input); // who typed the wrong code goes on typing
  if (kind === "device") form.append(node("code", "cloudops-ask-device", code), link(url));
  else form.append(button("cloudops-ask-submit", answerText, answer));
  const decline = button("cloudops-ask-decline", "Decline", () => send({ type: "decline" }));
  decline.title = "What waits for this fails, and says what to do instead";
  form.append(decline);
  el.append(form);
  return () => {
    clearTimeout(timer);
    if (input) input.value = "";
  };
}

export default { render };
