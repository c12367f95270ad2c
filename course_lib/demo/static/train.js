// One photograph, from which a network learns in this tab; and meanwhile one paints in its eight colours.
import * as net from "./network.js";
import { toWebP } from "./film.js";
import { drawing } from "./pen.js";
import { INSECURE, REFUSED } from "./photo.js";
import { $, demo, make, say } from "./network.js";

const ENOUGH = 900, KEPT = 40, BEAT = 200; // steps of about a minute; frames of the film at most, and how long one lasts, in ms
const BIG = 4, FILMED = 2; // times the network's pixels has a saved picture, and one in a film
const NO_SIMD = "This browser is too old to train a network: its WebAssembly has no SIMD. A newer one can.";
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
let tab, worker, stream = null, flat = null; // flat: the photograph in eight colours
let running = false, begun = false, ready = false, frames = [], every = 1, looks = 0, last = 0, shown = null, waiting = {}, given = "";

const find = (name) => $(`train-${name}`);
const pad = drawing(find, {
  changed: () => flat && worker.postMessage({ kind: "drawing", data: pad.image.data.slice() }),
  cleared: () => pad.put(copied(flat)),
  radius: ({ width }) => Math.max(0.71, ($("train-brush").value / 2) * (width / 96)),
});

export function training([facts], named, { photographs }) {
  tab = facts;
  const size = tab.config.image_size;
  demo.tab = { steps: 0, seconds: 0, busy: 0, score: () => asked("score", {}) };
  worker = new Worker("trainer.js", { type: "module" });
  worker.onerror = (event) => say(`Something went wrong: ${event.message ?? "the worker does not start"}`);
  worker.onmessage = ({ data }) => HEARD[data.kind](data);
  const use = ({ file, credit }) => fetch(file).then((answer) => answer.blob()).then((photo) => take(photo, credit));
  find("samples").replaceChildren(...photographs.map((sample) => {
    const button = make("button", { title: sample.credit, onclick: () => use(sample) });
    button.append(make("img", { src: sample.small, alt: sample.name }));
    return button;
  }));
  if (tab.lesson) $("to-lesson").href = tab.lesson;
  use(photographs.find(({ file }) => file === tab.photograph));
  if (WebAssembly.validate(Uint8Array.from(SIMD))) worker.postMessage({ kind: "load", tab });
  else [$("start").textContent, $("alert").textContent, $("alert").hidden] = ["Cannot train here", NO_SIMD, false];
  return { take, leave };
}

// ---- what the worker tells
const HEARD = {
  loading: ({ here }) => { $("start").textContent = `Loading ${(here / 1e6).toFixed(1)} MB`; },
  ready() {
    ready = true;
    if (flat) invite(true);
  },
  photo({ photo, flat: picture, palette, sentence }) {
    stop();
    say(sentence);
    flat = picture;
    net.put(find("photo"), photo);
    find("credit").textContent = given;
    const hex = (colour) => `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
    pad.makeColours(palette.map(hex), [], hex(palette[0]), true);
    anew(true);
    pad.put(copied(flat), true);
    reveal(photo);
  },
  refused: ({ sentence }) => say(sentence),
  failed: ({ sentence }) => say(`Something went wrong: ${sentence}`),
  look({ picture, map, steps, seconds }) {
    if (!begun) return;
    [$("invite").hidden, $("train-result").hidden] = [true, false];
    net.put($("train-result"), picture);
    net.put($("verdicts"), shaded(map));
    $("pace").textContent = `${steps} ${steps < ENOUGH ? `of ${ENOUGH} ` : ""}steps, ${Math.round(seconds)} s${steps < ENOUGH ? "" : ", ready"}`;
    Object.assign($("minute"), { value: steps, hidden: steps >= ENOUGH });
    Object.assign(demo.tab, { steps, seconds });
    shown = picture;
    const now = performance.now(), due = running && now - last > 1500; // the worker looks every two seconds, and at each stroke
    if (due && looks++ % every === 0) frames.push({ drawing: copied(pad.image), picture });
    if (due) last = now;
    if (frames.length > KEPT) [frames, every] = [frames.filter((_, i) => i % 2 === 0), 2 * every]; // every second one goes
  },
  score: ({ l1 }) => waiting.score(l1),
  network: ({ file }) => waiting.network(file),
};
const asked = (kind, more) => new Promise((answer) => { waiting[kind] = answer; worker.postMessage({ kind, ...more }); });

const copied = ({ data, width, height }) => new ImageData(data.slice(), width, height);

function shaded({ side, real }) { // of D's verdicts, dark: not real
  const out = new ImageData(side, side);
  real.forEach((value, i) => out.data.set([40 + 215 * value, 40 + 180 * value, 110 + 60 * value, 255], 4 * i));
  return out;
}

function reveal(photo) { // the photograph, and from the left its colours
  const cover = find("cover");
  net.put(cover, photo);
  cover.classList.remove("off");
  cover.hidden = false;
  cover.getBoundingClientRect();
  cover.classList.add("off");
  cover.ontransitionend = () => { cover.hidden = true; };
}

// ---- training
function run(on) {
  running = on;
  $("pause-training").textContent = on ? "Pause" : "Go on";
  worker.postMessage({ kind: "train", on: on && !document.hidden, adversarial: $("train").querySelector("[value=both]").checked });
}

const stop = () => begun && run(false);
function anew(idle) {
  [frames, every, looks, last, begun] = [[], 1, 0, 0, !idle];
  for (const id of ["train-result", "after"]) $(id).hidden = Boolean(idle);
  invite(idle);
  $("train").classList.toggle("learned", !idle);
  $("pace").textContent = "";
}

function invite(idle) { // until the first look
  [$("invite").hidden, $("minute").hidden] = [false, true];
  if (!idle || ready) $("start").textContent = idle ? "Train" : "It begins ..."; // else it says why not
  $("start").disabled = !idle || !ready;
}

$("start").onclick = $("again").onclick = () => {
  anew(false);
  pad.show();
  worker.postMessage({ kind: "drawing", data: pad.image.data.slice(), again: true });
  $("lesson").scrollIntoView({ behavior: "smooth" });
  run(true);
};
$("pause-training").onclick = () => run(!running);
for (const each of $("train").querySelectorAll("[name=losses]")) each.onchange = () => {
  $("after").classList.toggle("alone", each.value === "alone");
  run(running);
};
document.addEventListener("visibilitychange", () => begun && running && run(true)); // it rests while nobody sees it

const leave = () => { close(); stop(); };

// ---- photographs
const take = (source, credit = "") => {
  close();
  if (begun && !confirm("With another photograph the network forgets this one, and your drawing goes. Go on?")) return;
  given = credit;
  worker.postMessage({ kind: "photo", source, size: tab.config.image_size });
};
for (const id of ["train-file", "train-capture"]) $(id).onchange = ({ target }) => {
  if (target.files.length) take(target.files[0]);
  target.value = ""; // the same file can be opened again
};

$("train-camera").onclick = async () => {
  say("");
  if (!navigator.mediaDevices) return say(INSECURE);
  const opened = await navigator.mediaDevices.getUserMedia({ video: true }).catch((error) => say(REFUSED[error.name] ?? error.message));
  if (!opened) return;
  stream = find("video").srcObject = opened;
  await find("video").play().catch(() => {});
  find("video").hidden = $("train-shoot").hidden = false;
};
$("train-shoot").onclick = async () => take(await createImageBitmap(find("video")));

function close() { // its light goes out
  stream?.getTracks().forEach((track) => track.stop());
  stream = find("video").srcObject = null;
  find("video").hidden = $("train-shoot").hidden = true;
}

// ---- what is kept is saved
const large = (picture, smooth, times) => net.resized(picture, times * picture.width, times * picture.height, smooth);
const canvasOf = (picture) => { const canvas = make("canvas"); net.put(canvas, picture); return canvas; };

function beside({ drawing, picture }, times = FILMED) { // both in one frame
  const [left, right] = [large(drawing, false, times), large(picture, true, times)], ink = net.inkOf(2 * left.width, left.height);
  ink.putImageData(left, 0, 0);
  ink.putImageData(right, left.width, 0);
  return ink.getImageData(0, 0, 2 * left.width, left.height);
}

$("save-picture").onclick = () => net.save(canvasOf(large(shown, true, BIG)), "picture.png");
$("save-both").onclick = () => net.save(canvasOf(beside({ drawing: pad.image, picture: shown }, BIG)), "both.png");
$("save-drawing").onclick = () => find("paper").toBlob((png) => net.saveFile(png, "drawing.png")); // as the network sees it
$("save-network").onclick = async () => net.saveFile(await asked("network", { run: tab.run }), "network.safetensors");
$("save-film").onclick = async () => {
  const film = [];
  for (const frame of [...frames]) { // one at a time, so that the page stays quick
    film.push({ picture: beside(frame), lasts: BEAT });
    await new Promise(requestAnimationFrame);
  }
  if (!film.length) return say("A film has its first frame after two seconds of training.");
  film.at(-1).lasts = 10 * BEAT;
  const file = await toWebP(film);
  if (file) return net.saveFile(file, "training.webp");
  const { width, height } = film[0].picture, strip = make("canvas", { width, height: height * film.length }), ink = strip.getContext("2d");
  film.forEach(({ picture }, i) => ink.putImageData(picture, 0, i * height)); // where a browser writes no WebP
  net.save(strip, "training.png");
};
