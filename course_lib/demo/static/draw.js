// A drawing is kept in the model's own pixels: what is on the paper is exactly what the network sees. A picture that is
// opened keeps its size, and what the network makes of it gets that size, as with `course translate`.
import * as net from "./network.js";
import { $, demo, frame, make, say } from "./network.js";

const paper = $("paper"), result = $("result"), cursor = $("cursor");
const UNDO = 60, MEMORY = 2e8; // steps, and their bytes, at most
const paperInk = paper.getContext("2d");
let models = [], model, wanted, ready = false, image; // image: ImageData, of a drawing size x size
let tool = "pen", colour = [0, 0, 0], paperColour = [255, 255, 255];
let began = null; // the preset
let undone = [], stroke = null, spot = null; // stroke {x, y, by}: its last point; spot {x, y}: the keyboard's pen
let busy = false, asked = null; // since when a translation is wanted, ms
let wake = () => {}; // called when one is wanted

// ---- loading
export function drawings(all, named) {
  models = all;
  demo.input = () => net.toFloats(image);
  start(models.find((each) => each === named) ?? models[0]);
  return { take: openFile, leave: () => {} };
}

async function start(opening) {
  if (frame) await waiting(opening);
  makeModels();
  await choose(opening);
}

async function waiting(next) { // in a frame nothing large is fetched before the reader draws or asks for a picture
  const [answer] = await Promise.all([net.decoded(next.thumbnail), take(next)]);
  [result.width, result.height] = [next.size, next.size];
  result.getContext("2d").drawImage(answer, next.size - answer.naturalWidth, 0); // the last of its pictures
  $("loading").hidden = true;
  $("latency").textContent = `Draw, and ${net.loads(next.bytes)}`;
  await new Promise((touched) => { wake = touched; });
  $("loading").hidden = false;
  $("latency").textContent = "Loading ...";
  asked = null;
}

async function choose(next) { // one network at a time is fetched, when it is chosen, and then kept
  wanted = next;
  pressModel(next, true);
  $("loading").hidden = false;
  const tell = (here, all) => { if (next === wanted) $("progress").value = here / all; };
  await net.open(next, tell).catch((error) => {
    $("loading").hidden = true;
    $("latency").textContent = "";
    if (next === wanted) pressModel(wanted = model, false);
    throw error;
  });
  if (next !== wanted) return; // another one was chosen meanwhile
  ready = true;
  pressModel(next, false);
  $("loading").hidden = true;
  say("");
  if (next === model) translate();
  else await take(next);
}

async function take(next) { // with its colours, sliders and inputs
  const first = !model || next.size !== model.size || next.data !== model.data;
  model = next;
  $("about").textContent = `${model.title}: ${model.method}, ${model.size} px, from ${model.data}. ${model.card}`;
  paperColour = rgb(model.paper);
  makeColours();
  makeSliders();
  makePresets();
  for (const id of ["eraser", "fill"]) $(id).hidden = model.painted === (id === "eraser");
  $("file").disabled = false;
  if (!first) return translate();
  image = null; // that of another task
  await preset(model.presets[0]);
}

function speak(opened = false) { // of what is on the paper
  $("drawing-title").textContent = model.colours.length && !opened ? "Your drawing" : "Your picture";
}

// ---- translation
function drafted() { // shorter side, so that a draft takes about 40 ms, but at least a third of it
  const share = Math.max(1 / 3, Math.sqrt((0.4 * demo.slow) / model.slow));
  return Math.ceil((model.size * share) / model.multiple) * model.multiple;
}

async function translate() { // one at a time, and of what is asked meanwhile the latest
  asked ??= performance.now();
  wake();
  if (busy || !ready) return;
  busy = true;
  try {
    while (asked !== null) {
      await new Promise(requestAnimationFrame); // show the stroke first
      const since = asked, source = image, drawing = stroke, draft = stroke && model.slow && model.multiple;
      asked = null;
      if (!source) continue; // the first drawing of another model is on its way
      const short = draft ? drafted() : undefined;
      let picture = await net.paint(model, source, { short, code: code(), smooth: !draft && !model.painted });
      if (!drawing) picture = net.resized(picture, source.width, source.height); // when the pen rests
      net.put(result, picture);
      demo.last = performance.now() - since;
      demo.count += 1;
      if (!draft) model.slow = demo.last > demo.slow && demo.last;
      $("latency").textContent = `${draft ? "draft" : "picture"} in ${Math.round(demo.last)} ms`;
      $("save").disabled = false;
    }
  } finally {
    busy = false; // an error gets shown, as every rejection that nobody handles
  }
}

// ---- drawing
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)); // "#ff0000" -> [255, 0, 0]
const radius = () => { // at least one pixel; lines of outlines are as wide in pixels at 128 px as at 64, or nearly
  const wider = Math.max(1, model.size / (model.colours.length === 2 ? 100 : 64));
  return (Math.max(0.71, ($("brush").value / 2) * wider) * Math.min(image.width, image.height)) / model.size;
};

function dab(x, y) { // a disc, without soft edges: the outlines have none
  const r = radius(), { width, height } = image, ink = tool === "eraser" ? paperColour : colour;
  for (let j = Math.max(0, Math.floor(y - r)); j < Math.min(height, y + r); j++)
    for (let i = Math.max(0, Math.floor(x - r)); i < Math.min(width, x + r); i++)
      if ((i + 0.5 - x) ** 2 + (j + 0.5 - y) ** 2 <= r * r) image.data.set(ink, 4 * (j * width + i));
}

const show = () => paperInk.putImageData(image, 0, 0);
function remember() {
  undone.push(image.data.slice());
  while (undone.length > UNDO || undone.length * image.data.length > MEMORY) undone.shift();
  $("undo").disabled = false;
}

function flood(x, y) { // the connected area of one colour
  const { width, height } = image, pixels = new Uint32Array(image.data.buffer);
  const first = Math.min(height - 1, Math.floor(y)) * width + Math.min(width - 1, Math.floor(x)), old = pixels[first];
  image.data.set(colour, 4 * first);
  const fresh = pixels[first];
  pixels[first] = old;
  for (const left = [first]; fresh !== old && left.length; ) {
    const i = left.pop(), column = i % width;
    if (pixels[i] !== old) continue;
    pixels[i] = fresh;
    left.push(i - width, i + width); // beyond a border there is no pixel, and so none of this colour
    if (column) left.push(i - 1);
    if (column < width - 1) left.push(i + 1);
  }
  show();
}

function lineTo(x, y) {
  const step = Math.max(1 / 3, radius() / 8), from = stroke;
  const steps = Math.max(1, Math.ceil(Math.hypot(x - stroke.x, y - stroke.y) / step));
  for (let k = 1; k <= steps; k++) dab(from.x + ((x - from.x) * k) / steps, from.y + ((y - from.y) * k) / steps);
  stroke = { ...stroke, x, y };
  show();
}

function begin(x, y, by) {
  remember();
  if (tool === "fill") flood(x, y);
  else {
    stroke = { x, y, by };
    lineTo(x, y);
  }
  translate();
}

function end() {
  stroke = null;
  translate();
}

function undo() {
  if (undone.length) image.data.set(undone.pop());
  $("undo").disabled = !undone.length;
  show();
  translate();
}

function clear() {
  if (model.painted) return preset(began); // what lies below a painting is a painting
  remember();
  for (let i = 0; i < image.data.length; i += 4) image.data.set(paperColour, i);
  show();
  translate();
}

async function preset(which) { // put a stored input on the paper
  const picture = await net.decoded((began = which).file);
  speak();
  put(picture, model.size, model.size);
}

function put(picture, width, height, flat = false) {
  say(""); // of a file that was no image
  if (image?.width === width && image.height === height) remember();
  else [undone, $("undo").disabled] = [[], true];
  [paper.width, paper.height] = [width, height];
  for (const canvas of [paper, result]) canvas.parentElement.style.aspectRatio = `${width} / ${height}`;
  image = net.dataOf(picture, width, height);
  if (flat) image = net.flattened(image, model.colours.map(rgb));
  show();
  translate();
}

async function openFile(file) { // an image of one's own
  const picture = await net.opened(file).catch(() => say(net.NO_IMAGE));
  if (!picture || !model) return;
  const fitting = model.size / Math.min(picture.width, picture.height);
  const share = model.painted ? fitting : Math.max(1, fitting); // at least as large as the network's, or as large
  const side = (length) => Math.min(net.LONGEST * model.size, Math.round(length * share));
  speak(true);
  put(picture, side(picture.width), side(picture.height), model.painted);
}
$("file").onchange = ({ target }) => {
  openFile(target.files[0]);
  target.value = ""; // the same file can be opened again
};

// ---- pointer and keyboard
function place(x, y, down) { // the ring that shows the brush
  const share = (value, length) => `${(100 * value) / length}%`, { width, height } = image, side = 2 * radius();
  const at = { left: share(x, width), top: share(y, height), width: share(side, width), height: share(side, height) };
  Object.assign(cursor.style, at);
  cursor.classList.toggle("down", down);
  cursor.hidden = false;
}

function point(event) {
  const box = paper.getBoundingClientRect();
  const { left, top, width, height } = box;
  return [((event.clientX - left) / width) * image.width, ((event.clientY - top) / height) * image.height];
}

paper.onpointerdown = (event) => {
  if (!image || event.button || (stroke && stroke.by !== "keys")) return;
  paper.setPointerCapture(event.pointerId);
  begin(...point(event), event.pointerId);
};
paper.onpointermove = (event) => {
  if (!image) return;
  if (event.pointerType !== "touch") place(...point(event), false);
  if (stroke?.by !== event.pointerId) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const each of events.length ? events : [event]) lineTo(...point(each));
  if (!model.slow || model.multiple) translate(); // what is slow and can't draft answers at the end of a stroke
};
paper.onpointerup = paper.onpointercancel = (event) => {
  if (stroke?.by === event.pointerId) end();
};
paper.onpointerleave = () => { cursor.hidden ||= !stroke; };
paper.onblur = () => {
  cursor.hidden = true;
  if (stroke?.by === "keys") end();
};

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS = {
  p: () => choosePen("pen"), e: () => model.painted || choosePen("eraser"), f: () => model.painted && choosePen("fill"), Delete: clear, Backspace: clear,
  "[": () => $("brush").stepDown(), "]": () => $("brush").stepUp(),
};
paper.onkeydown = (event) => {
  if (!image || event.ctrlKey || event.metaKey || event.altKey) return;
  const move = MOVES[event.key];
  spot ??= { x: image.width / 2, y: image.height / 2 };
  if (move) {
    const step = event.shiftKey ? 4 : 1, inside = (v, side) => Math.min(side, Math.max(0, v));
    spot = { x: inside(spot.x + step * move[0], image.width), y: inside(spot.y + step * move[1], image.height) };
    if (stroke?.by === "keys") { lineTo(spot.x, spot.y); translate(); }
  } else if (event.key === " ") {
    if (stroke?.by === "keys") end();
    else if (!stroke) begin(spot.x, spot.y, "keys");
  } else if (event.key > "0" && $("colours").children[event.key - 1]) $("colours").children[event.key - 1].click();
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
  place(spot.x, spot.y, stroke?.by === "keys");
};
document.onkeydown = (event) => {
  if ($("draw").hidden || !(event.ctrlKey || event.metaKey) || event.key !== "z" || !image || stroke) return;
  event.preventDefault();
  undo();
};

// ---- the rest of the page
function choosePen(name) {
  tool = name;
  for (const id of ["pen", "eraser", "fill"]) $(id).ariaPressed = String(id === name);
}

function makeModels() { // each shows an input and what it makes of it
  $("models").replaceChildren(...models.map((each) => {
    const button = make("button", { title: `${each.method}, ${each.size} px`, onclick: () => choose(each) });
    button.append(make("img", { src: each.thumbnail, alt: "" }), each.title);
    return button;
  }));
  $("models").hidden = models.length < 2;
}

function pressModel(which, busy) {
  [...$("models").children].forEach((button, i) => {
    button.ariaPressed = String(models[i] === which);
    button.ariaBusy = String(busy && models[i] === which);
  });
}

function makeColours() { // none to choose between where there is one pen, a picker where there are too many
  const pens = model.colours.filter((each) => model.painted || each !== model.paper);
  const use = (chosen) => {
    colour = rgb(chosen);
    $("meaning").textContent = model.meanings[model.colours.indexOf(chosen)]?.replace(/^#.*/, "") ?? "";
    if (tool === "eraser" || !model.painted) choosePen("pen");
    for (const each of $("colours").children) each.ariaPressed = String(each.value === chosen);
  };
  const picker = make("input", { type: "color", ariaLabel: "Colour", oninput: () => use(picker.value) });
  const swatches = model.colours.map((value, i) => {
    const title = model.meanings[i], button = make("button", { ariaLabel: title, title, value, onclick: () => use(value) });
    button.style.background = value;
    return button;
  });
  $("colours").replaceChildren(...(!model.colours.length ? [picker] : pens.length > 1 ? swatches : []));
  use(pens[0] ?? "#000000");
}

const sliders = () => [...$("sliders").querySelectorAll("input")], code = () => sliders().map((each) => +each.value);

const setCode = (draw) => sliders().forEach((slider) => slider.oninput(slider.value = draw()));

function makeSliders() {
  const old = code();
  $("code").hidden = !model.z_dim;
  $("sliders").replaceChildren(...Array.from({ length: model.z_dim }, (_, i) => {
    const label = make("label"), shown = make("output", { value: (old[i] ?? 0).toFixed(2) });
    const slider = make("input", { type: "range", min: -3, max: 3, step: 0.05, value: old[i] ?? 0 });
    slider.oninput = () => { shown.value = (+slider.value).toFixed(2); translate(); };
    label.append(`z${i + 1}`, slider, shown);
    return label;
  }));
}

function makePresets() {
  $("presets").replaceChildren(...model.presets.map((each) => {
    const button = make("button", { title: each.name, onclick: () => preset(each) });
    button.append(make("img", { src: each.file, alt: each.name }));
    return button;
  }));
}

const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
$("random").onclick = () => setCode(normal);
$("zero").onclick = () => setCode(() => 0);
for (const id of ["pen", "eraser", "fill"]) $(id).onclick = () => choosePen(id);
$("undo").onclick = undo;
$("clear").onclick = () => image && clear();
$("save").onclick = () => net.save(result, "translation.png");
