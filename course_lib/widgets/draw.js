// The canvas of draw.py: what is drawn goes to the kernel as 128 x 128 grey bytes, and a picture comes back. The canvas of
// paint.py has a palette: its pixels are the network's own, each of one of the colours, and their numbers go to the kernel.
// That of handwriting.py has a sheet for each letter, the next of which is blank.
// One drawing is on its way at a time; the next leaves when the answer is here, and it is the newest (none queue up).
const LARGE_SIDE = 512; // of the canvas without a palette, and of what is saved, in pixels; the page shows it at 320
const SENT = 128; // of the drawing that the kernel gets
const STEPS = 32; // of the arrow keys from border to border
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
  const { palette = [], side: SIDE = LARGE_SIDE, sheets = "" } = model.get("models")[0], paints = palette.length > 0;
  const STEP = SIDE / STEPS, word = paints ? "painting" : "drawing";

  // ---- the page
  const button = (label, onclick, more = {}) => make("button", { type: "button", onclick, ...more }, label);
  const canvas = make("canvas", {
    width: SIDE, height: SIDE, tabindex: 0, role: "application", class: paints ? "paper flat" : "paper",
    "aria-label": paints
      ? "Painting. Digits choose a colour, arrow keys move the pen, with Shift they draw; F changes to Fill and back, Enter fills; Ctrl+Z takes back the last step."
      : "Drawing. Arrow keys move the pen, with Shift they draw; Ctrl+Z takes back the last stroke.",
  });
  const paper = canvas.getContext("2d", { willReadFrequently: true });
  const cursor = make("span", { class: "cursor", "aria-hidden": "true", hidden: true });
  const result = make("img", { class: "paper", src: model.get("first"), alt: `what the model makes of the ${word}`, draggable: "false" });
  const pen = button("Pen", () => hold(false));
  const second = button(paints ? "Fill" : "Eraser", () => hold(true), paints ? { title: "the connected area (F)" } : {});
  const size = make("input", { type: "range", min: 3, max: 40, value: model.get("models")[0].pen });
  const undo = button("Undo", takeBack, { title: "Ctrl+Z" });
  const file = make("input", { type: "file", accept: "image/*", hidden: true, onchange: upload });
  const another = sheets ? button(`Next ${sheets}`, () => turn(1)) : button("Another answer", () => follow(true));
  const names = model.get("models").map(({ name }) => make("option", {}, name));
  const chosen = make("select", { onchange: () => (sheets ? turn(0) : (offer(), follow())) }, ...names);
  const status = make("p", { role: "status" });
  const alarm = make("p", { role: "alert" });
  const presets = model.get("outlines").map(({ name, image }) =>
    button(make("img", { src: image, alt: "", draggable: "false" }), () => load(image),
      { "aria-label": `start from: ${name}`, title: name }));
  const swatches = palette.map((value, i) => {
    const light = [1, 3, 5].reduce((sum, at, c) => sum + [0.3, 0.59, 0.11][c] * parseInt(value.slice(at, at + 2), 16), 0) > 140;
    const key = i < 9 ? `${i + 1}` : "", label = `colour ${i + 1} of ${palette.length}`;
    return button(key, () => choose(i), { class: light ? "light" : "dark", style: `--colour: ${value}`, "aria-label": label, title: label });
  });
  const group = (label, ...parts) => make("div", { class: "tools", role: "group", "aria-label": label }, ...parts);
  const choice = group(`which ${sheets || "model"}`, ...(names.length > 1 ? [make("label", {}, `${sheets || "model"} `, chosen)] : []), another);
  const root = make("div", { class: "course-draw" },
    group("tools", pen, second, make("label", {}, "size ", size), undo,
      button(paints ? "Start again" : "Clear", clear),
      ...(sheets ? [] : [button("Upload a picture", () => file.click(), { title: paints ? "it is brought to these colours" : "it becomes an outline" }), file]),
      button("Save as PNG", save),
      ...(paints ? [button("Save the painting", () => canvas.toBlob((blob) => keep(blob, "painting.png")), { title: "for course translate" })] : [])),
    ...(paints ? [make("div", { class: "tools swatches", role: "group", "aria-label": "colours" }, ...swatches)] : []),
    make("div", { class: "stage" },
      make("figure", {}, make("div", { class: "frame" }, canvas, cursor), make("figcaption", {}, paints ? "paint here" : "draw here")),
      make("figure", {}, make("div", { class: "frame" }, result), make("figcaption", {}, "the model's answer"))),
    choice, ...(sheets ? [] : [group(`${paints ? "paintings" : "outlines"} to start from`, make("span", {}, "start from"), ...presets)]),
    status, alarm);
  for (const one of root.querySelectorAll("canvas, button, input, select")) {
    one.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys, such as d d: delete the cell, are not meant here
  }
  el.append(root);

  // ---- the drawing: a list of strokes, fills, pictures and clearings; undo drops the last and paints the others again
  const history = [];
  let other = false, ink = "#000", stroke = null, place = [SIDE / 2, SIDE / 2], start = null;

  function hold(it) { // the second tool, which erases, or fills
    other = it;
    pen.setAttribute("aria-pressed", !it);
    second.setAttribute("aria-pressed", it);
  }

  function choose(i) {
    ink = palette[i];
    swatches.forEach((one, k) => one.setAttribute("aria-pressed", k === i));
  }

  function disc([x, y], radius) { // row by row, as a circle of the canvas has soft edges, of colours between
    for (let row = Math.ceil(y - radius - 0.5); row + 0.5 <= y + radius; row++) {
      const half = Math.sqrt(radius ** 2 - (row + 0.5 - y) ** 2), left = Math.ceil(x - half - 0.5);
      paper.fillRect(left, row, Math.floor(x + half + 0.5) - left, 1);
    }
  }

  function flood({ spot, colour }) {
    const [x, y] = spot.map((value) => Math.min(SIDE - 1, Math.max(0, Math.floor(value))));
    const picture = paper.getImageData(0, 0, SIDE, SIDE), pixels = new Uint32Array(picture.data.buffer);
    paper.fillStyle = colour;
    paper.fillRect(x, y, 1, 1);
    const [fresh] = new Uint32Array(paper.getImageData(x, y, 1, 1).data.buffer), old = pixels[y * SIDE + x];
    for (const left = [y * SIDE + x]; fresh !== old && left.length; ) {
      const i = left.pop(), column = i % SIDE;
      if (pixels[i] !== old) continue;
      pixels[i] = fresh;
      left.push(i - SIDE, i + SIDE); // beyond a border there is no pixel, and so none of this colour
      if (column) left.push(i - 1);
      if (column < SIDE - 1) left.push(i + 1);
    }
    paper.putImageData(picture, 0, 0);
  }

  function segment({ points, colour, width }, i) {
    const [from, to] = [points[Math.max(0, i - 1)], points[i]];
    if (paints) {
      const count = Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1])) || 1;
      paper.fillStyle = colour;
      for (let k = 0; k <= count; k++) disc(from.map((value, axis) => value + ((to[axis] - value) * k) / count), Math.max(0.8, width / 2));
      return;
    }
    Object.assign(paper, { lineCap: "round", lineWidth: width, strokeStyle: colour });
    paper.beginPath();
    paper.moveTo(...from);
    paper.lineTo(to[0] + 0.01, to[1]); // a hair longer: a line of no length is not drawn everywhere
    paper.stroke();
  }

  function paint(step) {
    if (step.points) return step.points.forEach((_, i) => segment(step, i));
    if (step.spot) return flood(step);
    paper.fillStyle = "#fff";
    paper.fillRect(0, 0, SIDE, SIDE);
    if (step.image) paper.drawImage(step.image, 0, 0, SIDE, SIDE);
  }

  function add(step) {
    history.push(step);
    paint(step);
  }

  function takeBack() {
    if (!paints || history.length > 1) history.pop(); // below the first painting there is none
    stroke = null;
    paint({});
    history.slice(Math.max(0, history.findLastIndex((step) => !step.points && !step.spot))).forEach(paint);
    follow();
  }

  function clear() {
    add(paints ? { image: start } : {});
    follow();
  }

  async function put(url) {
    const image = make("img", { src: url });
    await image.decode();
    add({ image: (start = image) });
  }

  function turn(by) { // to a sheet, which is blank; what was drawn on it before stays in the answer
    chosen.selectedIndex = (chosen.selectedIndex + by) % names.length;
    history.length = 0;
    paint({});
    canvas.focus({ preventScroll: true });
  }

  const load = (url) => put(url).then(() => follow());

  function begin(point, it) {
    if (paints && it) add({ spot: point, colour: ink });
    else add((stroke = { points: [point], colour: it ? "#fff" : ink, width: (size.value * SIDE) / 320 }));
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
    begin(at(event), other || event.button === 5);
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
    if (paints && event.key === "Enter") return begin(place, other), (stroke = null);
    if (!ARROWS[event.key]) return;
    event.preventDefault(); // no scrolling
    if (!event.shiftKey) stroke = null;
    else if (!stroke) begin(place, other && !paints);
    place = place.map((value, i) => Math.min(SIDE, Math.max(0, value + ARROWS[event.key][i])));
    if (stroke) extend(place);
    cursor.hidden = false;
    Object.assign(cursor.style, { left: `${(place[0] / SIDE) * 100}%`, top: `${(place[1] / SIDE) * 100}%` });
  });
  root.addEventListener("keydown", (event) => {
    if (paints && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (event.key > "0" && palette[event.key - 1]) choose(event.key - 1);
      if (event.key.toLowerCase() === "f") hold(!other);
    }
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

  const numbers = new Map(palette.map((value, i) => [parseInt(value.slice(1), 16), i]));
  function coloured() {
    const { data } = paper.getImageData(0, 0, SIDE, SIDE);
    return Uint8Array.from({ length: SIDE * SIDE }, (_, i) =>
      numbers.get((data[4 * i] << 16) | (data[4 * i + 1] << 8) | data[4 * i + 2]) ?? 0).buffer;
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
      const message = { kind: "drawing", side: paints ? SIDE : SENT, again };
      changed = again = false;
      try {
        result.src = await ask(message, paints ? coloured() : grey());
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

  function keep(blob, name) {
    const link = make("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function save() {
    const side = LARGE_SIDE, sheet = make("canvas", { width: 2 * side + 16, height: side }), page = sheet.getContext("2d");
    page.fillStyle = "#fff";
    page.fillRect(0, 0, sheet.width, side);
    page.imageSmoothingEnabled = false;
    page.drawImage(canvas, 0, 0, side, side);
    if (result.naturalWidth) page.drawImage(result, side + 16, 0, side, side);
    sheet.toBlob((blob) => keep(blob, `${word}-and-answer.png`));
  }

  model.on("msg:custom", answered);
  hold(false);
  if (paints) choose(0);
  offer();
  paint({});
  if (!sheets) put(model.get("outlines")[0].image); // which is answered
  return () => model.off("msg:custom", answered);
}

export default { render };
