// The controls as they are seen: a login without a token, else buttons and what became of them.
(function (sb) {
  "use strict";
  let parts = null;

  function button(label, act, hint) {
    const made = sb.paint.element("button", "", label);
    made.type = "button";
    if (hint) made.title = hint;
    made.addEventListener("click", act);
    return made;
  }

  function group(label, ...children) {
    const box = sb.paint.element("div", "control-group");
    const choice = sb.paint.element("div", "choice");
    choice.setAttribute("role", "group");
    choice.setAttribute("aria-label", label);
    choice.append(...children);
    box.append(sb.paint.element("span", "control-label", label), choice);
    return box;
  }

  const choices = (names, act, hint) => names.map((name) => {
    const made = button(name, () => act(name), hint(name));
    made.dataset.choice = name;
    return made;
  });

  const WHERE = { ray: "Prefer Ray", spark: "Prefer Spark", local: "Prefer threads on this machine" };
  const HOW = { tasks: "The engine's own scheduler", resident: "Our own dispatch on workers that the engine placed" };

  function makeLogin() {
    const { element } = sb.paint;
    const form = element("form", "login");
    const label = element("label", "", "API token");
    const field = element("input");
    Object.assign(field, { id: "token", type: "password", autocomplete: "current-password", required: true });
    label.htmlFor = "token";
    const go = element("button", "", "Log in");
    const link = element("a", "", "login page");
    link.href = "/login";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      sb.control.logIn(field.value);
      field.value = "";
    });
    const line = element("div", "login-line");
    line.append(label, field, go, link);
    form.append(element("p", "login-why"), line);
    return form;
  }

  function makeSteer() {
    const { element } = sb.paint;
    const { control } = sb;
    const box = element("div", "steer");
    const fewer = button("−", () => control.moreWorkers(-1), "One worker fewer: it finishes its blocks first");
    const more = button("+", () => control.moreWorkers(1), "One worker more");
    fewer.setAttribute("aria-label", "One worker fewer");
    more.setAttribute("aria-label", "One worker more");
    const number = element("output", "worker-count");
    number.setAttribute("aria-live", "polite");
    number.title = "Of each engine";
    const engines = group("Prefer", ...choices(control.ENGINES, control.prefer, (name) => WHERE[name]));
    const dispatch = group("Dispatch", ...choices(control.DISPATCHES, control.dispatch, (name) => HOW[name]));
    const apply = button("Apply", control.apply, "Send what is chosen as one change");
    const discard = button("Discard", control.discard, "Choose nothing");
    const pause = button("Pause deciding", () => control.pause(pause.dataset.paused !== "true"));
    const reset = button("Reset", control.reset, "Engines, dispatch and workers as the settings say; decide");
    const wish = element("span", "wish");
    wish.id = "wish";
    apply.setAttribute("aria-describedby", "wish");
    const line = element("div", "apply-line");
    line.append(apply, discard, wish);
    const now = element("div", "now-line");
    now.append(pause, reset);
    box.append(engines, dispatch, group("Workers", fewer, number, more), line, now);
    return { box, engines, dispatch, fewer, more, number, apply, discard, pause, reset, wish };
  }

  function make(box) {
    const { element } = sb.paint;
    parts = { login: makeLogin(), steer: makeSteer(), note: element("p", "control-note"), outcome: element("p", "outcome") };
    parts.outcome.setAttribute("role", "status");
    box.append(parts.login, parts.note, parts.steer.box, parts.outcome);
  }

  function press(box, name, isNew) {
    for (const one of box.querySelectorAll("button")) {
      one.setAttribute("aria-pressed", String(one.dataset.choice === name));
      one.toggleAttribute("data-new", isNew && one.dataset.choice === name);
    }
  }

  function drawSteer({ staged, chosen, words, paused, most, busy, access }) {
    const { steer } = parts;
    press(steer.engines, chosen.order[0], Boolean(staged.order));
    press(steer.dispatch, chosen.dispatch, Boolean(staged.dispatch));
    sb.paint.text(steer.number, String(chosen.workers));
    steer.number.toggleAttribute("data-new", Boolean(staged.workers));
    sb.paint.text(steer.wish, words || "Choose above, then apply: one change brings it all up at once.");
    sb.paint.text(steer.pause, paused ? "Continue deciding" : "Pause deciding");
    steer.pause.dataset.paused = String(paused);
    steer.pause.title = paused ? "Decide again" : "Read ticks on, decide nothing";
    const off = busy || !access.controls;
    for (const one of steer.box.querySelectorAll("button")) one.disabled = off;
    steer.fewer.disabled = off || chosen.workers <= 1;
    steer.more.disabled = off || chosen.workers >= most;
    steer.apply.disabled = steer.discard.disabled = off || !words;
  }

  function drawLogin({ access, busy }) {
    const reads = access && access.scope === "read";
    sb.paint.text(parts.login.firstChild, reads
      ? `${access.name} may only read. Log in with an admin token to change engines and workers:`
      : "Log in with an admin token to change engines and workers (silverbullet token create --scope admin NAME; a demo prints its own):");
    for (const one of parts.login.querySelectorAll("button, input")) one.disabled = busy;
  }

  function draw(state) {
    const box = document.getElementById("control");
    if (!parts) make(box);
    const { access, outcome } = state;
    const isAdmin = Boolean(access) && access.scope === "admin";
    parts.login.hidden = !access || isAdmin;
    parts.steer.box.hidden = !isAdmin;
    if (isAdmin) drawSteer(state);
    else drawLogin(state);
    parts.note.hidden = !isAdmin || access.controls;
    sb.paint.text(parts.note, "This server knows no broker, so no pipeline can be asked: start “silverbullet serve” with the pipeline's (--set kafka.bootstrap=HOST:PORT).");
    sb.paint.text("control-caption", access && access.name ? `as ${access.name} (${access.scope})` : "");
    document.getElementById("log-out").hidden = !access || !access.name;
    parts.outcome.dataset.level = outcome.level;
    sb.paint.text(parts.outcome, outcome.text);
  }

  sb.controlForm = { draw };
})((window.silverbullet = window.silverbullet || {}));
