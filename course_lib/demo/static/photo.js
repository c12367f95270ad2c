// One photograph, or a short film, as each network paints it: opened, dropped, taken, or live.
import * as net from "./network.js";
import { FRAMES, PACE, framesOf, seen, toWebP } from "./film.js";
import { $, demo, frame, make, say } from "./network.js";

const DRAFT = 128, LEAST = 64, AIM = 55; // shorter side of a draft, in pixels, and what it may take, in ms
const SEEN = 240; // shorter side of a live picture whose luminance is kept
export const REFUSED = {
  NotAllowedError: "The camera was refused. Allow it in the browser's settings of this page, or choose a photograph.",
  NotFoundError: "No camera was found. Choose a photograph, or drop one here.",
  NotReadableError: "The camera is in use by another program. Close that, or choose a photograph.",
};
const CUT = `Of a film this page takes ${FRAMES} frames and 480 px a side at most; course translate takes all of it.`;
const FIRST = "This browser reads the first picture of a GIF only. Take a film as MP4 or WebM.";
const NO_WEBP = "This browser writes no WebP files. Another one can save the film, or course translate.";
export const INSECURE = "A browser opens its camera only for pages from https or from this machine. Choose a photograph.";
const video = $("camera"), painting = $("painting");
let ways = []; // one for each network: its model, whether it is here, its figure and what belongs to that
let photo = null, turn = 0, stream = null, chosen = null; // photo: ImageData; turn: of photographs, the latest counts
let film = null; // the frames, of which photo is the first

export function photographs(models, named, { photographs: samples }) {
  ways = models.map(makeWay);
  chosen = ways.find(({ model }) => model === named) ?? ways[0];
  $("about-photograph").textContent = models.map((each) => `${each.title}: ${each.method}, ${each.size} px. ${each.card}`).join(" ");
  makeSamples(samples);
  makeLive();
  start(samples[0]);
  return { take: openFile, leave: close };
}

async function start(sample) { // with pictures that the same networks have painted before
  const picture = await fetched(sample.file);
  const painted = await Promise.all(ways.map(({ model }) => fetched(model.thumbnail)));
  if (photo) return; // somebody was faster
  use(picture, sample.credit, Boolean(frame));
  ways.forEach((way, i) => way.show(painted[i]));
  const size = ways.reduce((sum, { model }) => sum + model.bytes, 0);
  if (frame) ways[0].busy(`Choose a photograph, and ${net.loads(size)}`);
}

// ---- photographs
async function fetched(file) { // ImageData
  const picture = await net.decoded(file);
  return net.dataOf(picture, picture.naturalWidth, picture.naturalHeight);
}

async function openFile(file) {
  const frames = await framesOf(file).catch(() => null); // what is none may still be an image
  if (frames) return useFilm(frames);
  const picture = await net.opened(file).catch(() => say(net.NO_IMAGE));
  if (picture) use(net.dataOf(picture, picture.width, picture.height), "");
  if (picture && file.type === "image/gif" && !window.ImageDecoder) say(FIRST);
}

function useFilm(frames) {
  use(frames[0].picture, "", false, frames);
  if (frames.cut) say(CUT);
}

function use(picture, credit, waits = false, frames = null) {
  close();
  say("");
  [photo, film] = [picture, frames];
  net.put($("original"), photo);
  $("credit").textContent = $("credit").title = credit;
  const { width, height } = photo, columns = height > width ? ways.length + 1 : 2;
  const shape = { "--aspect": width / height, "--columns": columns, "--rows": Math.ceil((ways.length + 1) / columns) };
  for (const [name, value] of Object.entries(shape)) $("stills").style.setProperty(name, value);
  const grey = ways.some(({ model }) => model.grey) && net.inGrey(photo);
  for (const { model, figure, canvas, grey: inset } of ways) {
    net.put(canvas, net.resized(photo, ...small(width, height))); // blurred, until it is painted
    figure.classList.add("blank");
    if (model.grey) net.put(inset, net.resized(grey, ...small(width, height)));
  }
  if (!waits) paintAll();
}

const small = (width, height) => [width, height].map((side) => Math.ceil((side * 240) / Math.max(width, height)));

// ---- the networks, one after the other: at once a draft, unless the whole is no larger, and then the whole picture
async function paintAll() {
  const now = ++turn, source = photo;
  demo.last = null;
  for (const way of ways) {
    way.figure.ariaBusy = "true";
    way.keep.disabled = true;
    way.busy(way.here ? "" : "waiting for its turn");
    way.film = null;
    way.keep.ariaLabel = `Save as ${film ? "WebP" : "PNG"}: ${way.model.title}`;
  }
  $("pause").hidden = !film;
  if (film) return Promise.all([play(now), paintFilm(now)]);
  for (const first of [true, false]) for (const way of ways) {
    if ((first && !way.here) || way.figure.ariaBusy === "false" || !(await load(way))) continue;
    await new Promise(requestAnimationFrame); // the last one's picture is seen first
    if (now !== turn) return;
    const since = performance.now(), { model } = way, draft = first && net.whole(model) > DRAFT;
    const picture = await paintOne(model, source, draft);
    if (now !== turn) return;
    way.show(picture);
    if (!draft) finish(way, since);
  }
}

async function paintOne(model, source, draft = false) {
  let picture = await net.paint(model, model.grey ? net.inGrey(source) : source, draft ? { short: DRAFT } : {});
  if (!draft || model.grey) picture = net.resized(picture, source.width, source.height);
  if (model.grey) net.keepLuminance(picture, source);
  return picture;
}

function finish(way, since) {
  demo.last = performance.now() - since;
  demo.count += 1;
  way.busy(`${(demo.last / 1000).toFixed(1)} s`);
  way.figure.ariaBusy = "false";
  way.keep.disabled = false;
}

// ---- a film, frame by frame
async function paintFilm(now) {
  const frames = film;
  for (const way of ways) {
    if (!(await load(way))) continue;
    const since = performance.now(), made = [];
    for (const { picture, lasts } of frames) {
      if (now !== turn) return;
      way.busy(`frame ${made.length + 1} of ${frames.length}`);
      made.push({ picture: await paintOne(way.model, picture), lasts });
      if (now === turn) way.show(made.at(-1).picture);
    }
    if (now !== turn) return;
    way.film = made;
    finish(way, since);
  }
}

async function play(now) { // all that is painted, side by side
  const frames = film, paused = () => now === turn && $("pause").ariaPressed === "true";
  for (let i = 0; now === turn; i = (i + 1) % frames.length) {
    net.put($("original"), frames[i].picture);
    for (const way of ways) if (way.film) way.show(way.film[i].picture);
    do await new Promise((next) => setTimeout(next, frames[i].lasts)); while (paused());
  }
}

async function keep(way) {
  if (!way.film) return net.save(way.canvas, `${way.model.name}.png`);
  const file = await toWebP(way.film);
  if (file) net.saveFile(file, `${way.model.name}.webp`);
  else say(NO_WEBP);
}

const MB = (count) => (count / 1e6).toFixed(1);

async function load(way) { // whether it is here
  if (way.here) return true;
  try {
    await net.open(way.model, (here, all) => {
      way.busy(here < all ? `loading ${MB(here)} of ${MB(all)} MB` : "starting");
      way.bar.value = here / all;
      way.bar.hidden = here === all;
    });
    way.busy("");
    return (way.here = true);
  } catch (error) {
    way.bar.hidden = true;
    way.busy("could not be loaded");
    way.figure.ariaBusy = "false";
    say(`${way.model.title}: ${error.message}. Choose a photograph to try again.`);
    return false;
  }
}

// ---- the camera
async function openCamera() {
  say("");
  if (!navigator.mediaDevices) return say(INSECURE);
  $("open-camera").disabled = true;
  const wanted = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } };
  const opened = await navigator.mediaDevices.getUserMedia({ video: wanted }).catch((error) => {
    say(REFUSED[error.name] ?? `The camera cannot be used: ${error.message}`);
  });
  $("open-camera").disabled = false;
  if (!opened || $("photograph").hidden) return opened?.getTracks().forEach((track) => track.stop());
  turn += 1; // stills wait
  stream = opened;
  const [track] = stream.getVideoTracks();
  track.onended = () => { close(); paintAll(); say("The camera was switched off."); };
  $("live").classList.toggle("mirror", track.getSettings().facingMode !== "environment");
  video.srcObject = stream;
  await video.play().catch(() => {}); // it was closed meanwhile
  if (stream !== opened) return;
  [$("stills").hidden, $("live").hidden] = [true, false];
  $("live").scrollIntoView({ block: "nearest" });
  live(opened);
}

function close() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = video.srcObject = null;
  [$("stills").hidden, $("live").hidden] = [false, true];
}

function back() { // to the photograph that was there
  close();
  paintAll();
}

function shoot() {
  const { videoWidth: width, videoHeight: height } = video;
  if (width) use(net.dataOf(video, width, height), "");
}

let rolling = null; // the frames of what is recorded now
async function record() { // until it is pressed again
  if (rolling || !video.videoWidth) return void (rolling = null);
  const opened = stream, since = performance.now(), mine = (rolling = []);
  while (rolling === mine && mine.length < FRAMES && stream === opened) {
    $("record").textContent = `Stop: ${mine.length + 1} of ${FRAMES}`;
    mine.push({ picture: seen(video) });
    await new Promise((next) => setTimeout(next, since + PACE * mine.length - performance.now()));
  }
  rolling = null;
  $("record").textContent = "Record a film";
  if (stream !== opened) return; // closed meanwhile
  for (const frame of mine) frame.lasts = (performance.now() - since) / mine.length;
  useFilm(mine);
}

function draftOf(model, aspect) { // its shorter side, as large as AIM allows
  const most = Math.min(DRAFT, Math.floor(net.whole(model))), step = model.multiple;
  const fits = model.cost ? Math.min(most, Math.sqrt(AIM / (model.cost * aspect))) : most;
  return Math.max(Math.min(LEAST, most), Math.floor(fits / step) * step);
}

async function live(opened) { // the chosen network paints what the camera sees, as fast as it can
  for (let first = null; stream === opened; ) {
    const way = chosen, { model } = way;
    if (!(await load(way))) return back();
    await new Promise(requestAnimationFrame);
    const { videoWidth: width, videoHeight: height } = video;
    if (stream !== opened || !width) continue;
    const since = performance.now(), aspect = Math.max(width, height) / Math.min(width, height);
    const short = draftOf(model, aspect), share = (model.grey ? SEEN : short) / Math.min(width, height);
    const seen = net.dataOf(video, Math.round(width * share), Math.round(height * share));
    let picture = await net.paint(model, model.grey ? net.inGrey(seen) : seen, { short });
    if (stream !== opened) return;
    if (model.grey) net.keepLuminance(picture = net.resized(picture, seen.width, seen.height), seen);
    net.put(painting, picture);
    demo.last = performance.now() - since;
    demo.count += 1;
    if (first === model) model.cost = 0.8 * (model.cost ?? demo.last / (short * short * aspect)) + (0.2 * demo.last) / (short * short * aspect);
    first = model; // a network's first picture takes longer
    $("camera-pace").textContent = `draft in ${Math.round(demo.last)} ms, ${short} px`;
  }
}

// ---- the page
function makeWay(model) {
  const figure = $("way").content.firstElementChild.cloneNode(true), part = (name) => figure.querySelector(name);
  const [canvas, grey] = figure.querySelectorAll("canvas");
  canvas.ariaLabel = part("strong").textContent = model.title;
  grey.hidden = !model.grey;
  $("stills").append(figure);
  const busy = (sentence) => {
    part("span").textContent = sentence;
    if (stream && model === chosen.model) $("camera-pace").textContent = sentence; // the stills are hidden
  };
  const show = (picture) => { figure.classList.remove("blank"); net.put(canvas, picture); };
  const way = { model, here: false, figure, canvas, grey, keep: part("button"), busy, show, bar: part("progress") };
  way.keep.onclick = () => keep(way);
  return way;
}

function makeSamples(samples) {
  $("samples").replaceChildren(...samples.map((sample) => {
    const button = make("button", { title: sample.credit, onclick: async () => use(await fetched(sample.file), sample.credit) });
    button.append(make("img", { src: sample.small, alt: sample.name }));
    return button;
  }));
}

function makeLive() {
  $("painters").replaceChildren(...ways.map((way) => {
    const use = () => {
      chosen = way;
      [...$("painters").children].forEach((each, i) => { each.ariaPressed = String(ways[i] === way); });
    };
    return make("button", { textContent: way.model.title, ariaPressed: String(way === chosen), onclick: use });
  }));
  for (const id of ["photo", "capture"]) $(id).onchange = ({ target }) => {
    if (target.files.length) openFile(target.files[0]);
    target.value = ""; // the same file can be opened again
  };
  $("open-camera").onclick = openCamera;
  $("close-camera").onclick = back;
  $("shoot").onclick = shoot;
  $("record").onclick = record;
  $("pause").onclick = ({ target }) => { target.ariaPressed = String(target.ariaPressed !== "true"); };
  $("pause").ariaPressed = String(matchMedia("(prefers-reduced-motion: reduce)").matches);
}
