// The front end of a round: shows a pair for `exposure` ms and passes on the answer.
// Everything else is decided in real_or_fake.py.

const STYLE = `
.study { max-width: 640px; padding: 8px; }
.study p { min-height: 2.8em; margin: 0 0 8px; }
.study .pair { display: flex; gap: 16px; flex-wrap: wrap; }
.study .place { background: #9e9e9e; }
.study img { display: block; image-rendering: pixelated; visibility: hidden; }
.study .seen img { visibility: visible; }
.study button { font: inherit; padding: 6px 14px; margin: 8px 8px 0 0; min-height: 36px; }
.study progress { width: 100%; }
.study .error { color: #b00020; font-weight: bold; }
`;

function render({ model, el }) {
  const make = (tag, parent, properties = {}) => parent.appendChild(Object.assign(document.createElement(tag), properties));
  make("style", el, { textContent: STYLE });
  const box = make("div", el, { className: "study", tabIndex: 0, role: "group", ariaLabel: "real or fake?" });
  box.dataset.lmSuppressShortcuts = "true"; // JupyterLab would move to another cell at an arrow key
  const message = make("p", box, { role: "status", ariaLive: "polite" });
  const pair = make("div", box, { className: "pair" });
  const images = ["left", "right"].map((name) => {
    const place = make("div", pair, { className: "place" });
    place.style.width = place.style.height = `${model.get("side")}px`;
    return make("img", place, { alt: `${name} image`, width: model.get("side"), height: model.get("side") });
  });
  const next = make("button", box, { type: "button" });
  const answers = { left: "\u2190 left is real", right: "right is real \u2192" };
  for (const side of ["left", "right"]) {
    answers[side] = make("button", box, { type: "button", textContent: answers[side], disabled: true });
    answers[side].addEventListener("click", () => answer(side));
  }
  const bar = make("progress", box, { max: model.get("total"), ariaLabel: "trials answered" });
  const error = make("p", box, { className: "error", role: "alert" });
  let waiting = null; // for the kernel

  const allow = (yes) => Object.values(answers).forEach((button) => (button.disabled = !yes));
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const frame = () => new Promise((done) => requestAnimationFrame(done));

  function say(what) {
    allow(false);
    next.disabled = true;
    clearTimeout(waiting);
    waiting = setTimeout(() => (error.textContent = "No reply from the kernel yet: is it busy, or gone?"), 8000);
    model.set("pressed", { number: model.get("number"), at: Date.now(), ...what });
    model.save_changes();
  }

  function answer(side) {
    if (!answers[side].disabled) say({ do: "answer", side });
  }

  async function show() {
    const urls = ["left", "right"].map((name) => URL.createObjectURL(new Blob([model.get(name)], { type: "image/png" })));
    images.forEach((image, i) => (image.src = urls[i]));
    await Promise.all(images.map((image) => image.decode()));
    await pause(400); // grey
    await frame();
    pair.classList.add("seen");
    await pause(model.get("exposure"));
    pair.classList.remove("seen");
    images.forEach((image, i) => (image.removeAttribute("src"), URL.revokeObjectURL(urls[i])));
    allow(true);
    box.focus({ preventScroll: true });
  }

  function update() {
    clearTimeout(waiting);
    const phase = model.get("phase");
    message.textContent = model.get("message");
    error.textContent = model.get("error");
    bar.value = model.get("number") - (phase === "trial");
    next.hidden = phase === "trial" || phase === "done";
    next.textContent = phase === "ready" ? "start" : "next";
    next.disabled = false;
    pair.style.display = phase === "done" ? "none" : "";
    Object.values(answers).forEach((button) => (button.hidden = phase !== "trial"));
    if (phase === "feedback") next.focus({ preventScroll: true });
    if (model.get("error")) allow(phase === "trial");
  }

  function shown() {
    update();
    if (model.get("phase") === "trial") {
      show().catch((problem) => (error.textContent = `the images cannot be shown: ${problem}`));
    }
  }

  next.addEventListener("click", () => say({ do: "next" }));
  box.addEventListener("keydown", (event) => {
    const side = { ArrowLeft: "left", ArrowRight: "right" }[event.key];
    if (!side) return;
    event.preventDefault();
    event.stopPropagation();
    answer(side);
  });
  model.on("change:number", shown);
  model.on("change:phase change:message change:error", update);
  shown();
}

export default { render };
