// The canvas of draw.py: what is drawn goes to the kernel as 128 x 128 grey bytes, and a picture comes back.
// One drawing is on its way at a time; the next leaves when the answer is here, and it is the newest (none queue up).
const SIDE = 512; // of the canvas, in pixels; the page shows it at 320
const SENT = 128; // of the drawing that the kernel gets
const STEP = 16; // of the arrow keys, in pixels of the canvas
const PATIENCE = 5000; // milliseconds
const LARGE = 4e6; // bytes of a file; larger ones are made smaller before they are sent

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

function render({ model, el }) {
  // ---- the page
  const button = (label, onclick, more = {}) => make("button", { type: "button", onclick, ...more }, label);
  const canvas = make("canvas", {
    width: SIDE, height: SIDE, tabindex: 0, role: "application", class: "paper",
    "aria-label": "Drawing. Arrow keys move the pen, with Shift they draw; Ctrl+Z takes back the last stroke.",
  });
  const paper = canvas.getContext("2d", { willReadFrequently: true });
  const cursor = make("span", { class: "cursor", "aria-hidden": "true", hidden: true });
  const result = make("img", { class: "paper", src: model.get("first"), alt: "what the model makes of the drawing", draggable: "false" });
  const pen = button("Pen", () => hold(false));
  const eraser = button("Eraser", () => hold(true));
  const size = make("input", { type: "range", min: 3, max: 40, value: model.get("models")[0].pen });
  const undo = button("Undo", takeBack, { title: "Ctrl+Z" });
  const file = make("input", { type: "file", accept: "image/*", hidden: true, onchange: upload });
  const another = button("Another answer", () => follow(true));
  const names = model.get("models").map(({ name }) => make("option", {}, name));
  const chosen = make("select", { onchange: () => (offer(), follow()) }, ...names);
  const status = make("p", { role: "status" });
  const alarm = make("p", { role: "alert" });
  const presets = model.get("outlines").map(({ name, image }) =>
    button(make("img", { src: image, alt: "", draggable: "false" }), () => load(image),
      { "aria-label": `start from: ${name}`, title: name }));
  const group = (label, ...parts) => make("div", { class: "tools", role: "group", "aria-label": label }, ...parts);
  const choice = group("which model", ...(names.length > 1 ? [make("label", {}, "model ", chosen)] : []), another);
  const root = make("div", { class: "course-draw" },
    group("tools", pen, eraser, make("label", {}, "size ", size), undo, button("Clear", clear),
      button("Upload a picture", () => file.click(), { title: "it becomes an outline" }), file,
      button("Save as PNG", save)),
    make("div", { class: "stage" },
      make("figure", {}, make("div", { class: "frame" }, canvas, cursor), make("figcaption", {}, "draw here")),
      make("figure", {}, make("div", { class: "frame" }, result), make("figcaption", {}, "the model's answer"))),
    choice, group("outlines to start from", make("span", {}, "start from"), ...presets),
    status, alarm);
  for (const one of root.querySelectorAll("canvas, button, input, select")) {
    one.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys, such as d d: delete the cell, are not meant here
  }
  el.append(root);

  // ---- the drawing: a list of strokes, pictures and clearings; undo drops the last and paints the others again
  const history = [];
  let erasing = false, stroke = null, place = [SIDE / 2, SIDE / 2];

  function hold(rubber) {
    erasing = rubber;
    pen.setAttribute("aria-pressed", !rubber);
    eraser.setAttribute("aria-pressed", rubber);
  }

  function segment({ points, erase, width }, i) {
    const [from, to] = [points[Math.max(0, i - 1)], points[i]];
    Object.assign(paper, { lineCap: "round", lineWidth: width, strokeStyle: erase ? "#fff" : "#000" });
    paper.beginPath();
    paper.moveTo(...from);
    paper.lineTo(to[0] + 0.01, to[1]); // a hair longer: a line of no length is not drawn everywhere
    paper.stroke();
  }

  function paint(step) {
    if (step.points) return step.points.forEach((_, i) => segment(step, i));
    paper.fillStyle = "#fff";
    paper.fillRect(0, 0, SIDE, SIDE);
    if (step.image) paper.drawImage(step.image, 0, 0, SIDE, SIDE);
  }

  function add(step) {
    history.push(step);
    paint(step);
  }

  function takeBack() {
    history.pop();
    stroke = null;
    paint({});
    history.slice(Math.max(0, history.findLastIndex((step) => !step.points))).forEach(paint);
    follow();
  }

  function clear() {
    add({});
    follow();
  }

  async function put(url) {
    const image = make("img", { src: url });
    await image.decode();
    add({ image });
  }

  const load = (url) => put(url).then(() => follow());

  function begin(point, erase) {
    stroke = { points: [point], erase, width: (size.value * SIDE) / 320 };
    add(stroke);
    follow();
  }

  function extend(...points) {
    for (const point of points) segment(stroke, stroke.points.push(point) - 1);
    follow();
  }

  // ---- mouse, pen and fingers
  function at(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  }
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || (event.button && event.button !== 5)) return; // 5: the eraser end of a pen
    event.preventDefault(); // no selection of text
    canvas.focus({ preventScroll: true });
    cursor.hidden = true;
    canvas.setPointerCapture(event.pointerId);
    begin(at(event), erasing || event.button === 5);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke || !event.isPrimary || !event.buttons) return;
    const all = event.getCoalescedEvents?.() ?? [];
    extend(...(all.length ? all : [event]).map(at));
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (stroke = null));

  // ---- keys
  const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  canvas.addEventListener("keydown", (event) => {
    if (!ARROWS[event.key]) return;
    event.preventDefault(); // no scrolling
    if (!event.shiftKey) stroke = null;
    else if (!stroke) begin(place, erasing);
    place = place.map((value, i) => Math.min(SIDE, Math.max(0, value + ARROWS[event.key][i])));
    if (stroke) extend(place);
    cursor.hidden = false;
    Object.assign(cursor.style, { left: `${(place[0] / SIDE) * 100}%`, top: `${(place[1] / SIDE) * 100}%` });
  });
  root.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    takeBack();
  });
  canvas.addEventListener("keyup", (event) => event.key === "Shift" && (stroke = null));
  canvas.addEventListener("blur", () => ((cursor.hidden = true), (stroke = null)));

  // ---- the kernel: every message has a number of its own, and the answer repeats it
  const view = Math.random().toString(36).slice(2), asked = new Map();
  let count = 0, busy = false, changed = false, again = false;

  function ask(message, buffer) {
    return new Promise((resolve, reject) => {
      const seq = `${view}-${++count}`;
      const patience = setTimeout(() => {
        status.textContent = "No answer yet: the kernel is busy, or it has stopped.";
      }, PATIENCE);
      asked.set(seq, { resolve, reject, patience });
      model.send({ ...message, model: chosen.selectedIndex, seq }, undefined, [buffer]);
    });
  }

  function answered(message) {
    const { resolve, reject, patience } = asked.get(message.seq) ?? {};
    if (!asked.delete(message.seq)) return; // it belongs to another view of this widget
    clearTimeout(patience);
    status.textContent = "";
    if (message.kind === "error") reject(new Error(message.text));
    else resolve(message.image);
  }

  function grey() {
    const pixels = paper.getImageData(0, 0, SIDE, SIDE).data, n = SIDE / SENT, out = new Uint8Array(SENT * SENT);
    for (let i = 0; i < out.length; i++) {
      const corner = (Math.floor(i / SENT) * SIDE + (i % SENT)) * n;
      let sum = 0;
      for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) sum += pixels[4 * (corner + y * SIDE + x)];
      out[i] = Math.round(sum / (n * n));
    }
    return out.buffer;
  }

  async function follow(other = false) {
    changed = true;
    again ||= other;
    if (busy) return;
    busy = true;
    while (changed) {
      const message = { kind: "drawing", side: SENT, again };
      changed = again = false;
      try {
        result.src = await ask(message, grey());
        alarm.textContent = "";
      } catch (error) {
        alarm.textContent = error.message;
      }
    }
    busy = false;
  }

  function offer() {
    another.hidden = !model.get("models")[Math.max(0, chosen.selectedIndex)].codes;
    choice.hidden = another.hidden && names.length < 2;
  }

  // ---- files in and out
  async function bytesOf(picture) {
    if (picture.size <= LARGE) return picture.arrayBuffer();
    const bitmap = await createImageBitmap(picture), scale = 1024 / Math.max(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    const small = make("canvas", { width, height });
    small.getContext("2d").drawImage(bitmap, 0, 0, width, height);
    return (await new Promise((done) => small.toBlob(done))).arrayBuffer();
  }

  async function upload() {
    const [picture] = file.files;
    file.value = ""; // so that the same file can be chosen again
    if (!picture) return;
    try {
      await load(await ask({ kind: "file" }, await bytesOf(picture)));
    } catch (error) {
      alarm.textContent = error.message;
    }
  }

  function save() {
    const sheet = make("canvas", { width: 2 * SIDE + 16, height: SIDE }), page = sheet.getContext("2d");
    page.fillStyle = "#fff";
    page.fillRect(0, 0, sheet.width, SIDE);
    page.drawImage(canvas, 0, 0);
    page.imageSmoothingEnabled = false;
    if (result.naturalWidth) page.drawImage(result, SIDE + 16, 0, SIDE, SIDE);
    sheet.toBlob((blob) => {
      const link = make("a", { href: URL.createObjectURL(blob), download: "drawing-and-answer.png" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }

  model.on("msg:custom", answered);
  hold(false);
  offer();
  paint({});
  put(model.get("outlines")[0].image); // which is answered
  return () => model.off("msg:custom", answered);
}

export default { render };
