// A question for AWS credentials. All text is put in as text; what is typed is sent and forgotten.

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

function render({ model, el }) {
  const { kind, text, button, problem, code, url } = model.get("question");
  const form = node("div", "cloudops-ask"); // the notebook stops a real one from being submitted
  form.setAttribute("role", "form");
  form.setAttribute("aria-label", "AWS credentials");
  const told = node("label", "cloudops-ask-text", text);
  form.append(told);
  if (problem) {
    const said = node("span", "cloudops-ask-problem", problem);
    said.setAttribute("role", "alert");
    form.append(said);
  }
  let input = null;
  const answer = () => {
    const typed = input ? input.value : "";
    if (input && !typed) return;
    if (input) input.value = "";
    for (const each of form.querySelectorAll("button")) each.disabled = true;
    model.send({ type: "answer", code: typed });
  };
  if (kind === "code") {
    input = focusable("input", "cloudops-ask-code");
    input.type = "password";
    input.autocomplete = "one-time-code";
    input.inputMode = "numeric";
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation();
      answer();
    });
    told.append(input);
  }
  if (kind === "device") form.append(node("code", "cloudops-ask-device", code), link(url));
  else {
    const submit = focusable("button", "cloudops-ask-submit", button);
    submit.type = "button";
    submit.addEventListener("click", answer);
    form.append(submit);
  }
  const cancel = focusable("button", "cloudops-ask-cancel", "Cancel");
  cancel.type = "button";
  form.append(cancel);

  cancel.addEventListener("click", () => {
    if (input) input.value = "";
    model.send({ type: "decline" });
  });
  el.append(form);
  return () => {
    if (input) input.value = "";
  };
}

export default { render };
