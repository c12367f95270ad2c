// A drawing is kept in the model's own pixels: what is on the paper is exactly what the network sees. A picture that is
// opened keeps its size, and what the network makes of it gets that size, as with `course translate`.
import * as net from "./network.js";
import { flattened, windowOf } from "./trainer.js";
import { drawing, rgb } from "./pen.js";
import { $, demo, frame, make, say } from "./network.js";

const result = $("result");
let models = [], model, wanted, ready = false;
let began = null; // the preset
let busy = false, asked = null; // since when a translation is wanted, ms
let wake = () => {}; // called when one is wanted

// ---- loading
export function drawings(all, named) {
  models = all;
  demo.input = () => net.toFloats(pad.image);
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
  pad.makeColours(model.colours, model.meanings, model.paper, model.painted);
  makeSliders();
  makePresets();
  for (const id of ["eraser", "fill"]) $(id).hidden = model.painted === (id === "eraser");
  $("file").disabled = false;
  if (!first) return translate();
  pad.image = null; // that of another task
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
      const since = asked, source = pad.image, drawn = pad.stroke, draft = drawn && model.slow && model.multiple;
      asked = null;
      if (!source) continue; // the first drawing of another model is on its way
      const short = draft ? drafted() : undefined;
      let picture = await net.paint(model, source, { short, code: code(), smooth: !draft && !model.painted });
      if (!drawn) picture = net.resized(picture, source.width, source.height); // when the pen rests
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
const pad = drawing($, {
  changed: () => { if (!pad.stroke || !model.slow || model.multiple) translate(); }, // what is slow and can't draft answers at the end
  cleared: () => model.painted ? preset(began) : pad.clear(), // what lies below a painting is a painting
  radius: ({ width, height }) => { // at least one pixel; lines of outlines are as wide in pixels at 128 px as at 64, or nearly
    const wider = Math.max(1, model.size / (model.colours.length === 2 ? 100 : 64));
    return (Math.max(0.71, ($("brush").value / 2) * wider) * Math.min(width, height)) / model.size;
  },
});

async function preset(which) { // put a stored input on the paper
  const picture = await net.decoded((began = which).file);
  speak();
  put(picture, model.size, model.size);
}

function put(picture, width, height, flat = false) {
  say(""); // of a file that was no image
  for (const canvas of [$("paper"), result]) canvas.parentElement.style.aspectRatio = `${width} / ${height}`;
  const image = net.dataOf(picture, width, height);
  pad.put(flat ? flattened(image, model.colours.map(rgb), windowOf(Math.min(width, height))) : image);
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

// ---- the rest of the page
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
$("save").onclick = () => net.save(result, "translation.png");
