// One photograph and what a network learns from it, as in course_lib/data/one_photo.py and images.py; at the end of the file,
// the worker in which it trains. Pictures are ImageData here, and (3 S S) in [-1, 1] for a network.
import { bytes, toFloats, toImage } from "./network.js";

// ---- flat colours
const distance = (a, b) => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
const nearest = (pixel, colours) => {
  let best = 0;
  for (let k = 1; k < colours.length; k++) if (distance(pixel, colours[k]) < distance(pixel, colours[best])) best = k;
  return best;
};
const luma = ([r, g, b]) => 299 * r + 587 * g + 114 * b;

export function windowOf(side) { // 5 for a picture of 128 px; halves are rounded to even numbers, as in Python
  const half = Math.round(side / 64);
  return 2 * (Math.abs(side / 64 - half) === 0.5 ? half - (half % 2) : half) + 1;
}

// Each pixel takes the nearest of the colours, compared to within 4 of 255, and then the one that most pixels around it have
export function flattened({ data, width, height }, colours, window) {
  const before = window >> 1, stride = width + window, all = new Map(), out = new ImageData(width, height);
  const index = new Uint8Array(width * height), votes = new Int32Array(width * height), winners = new Uint8Array(width * height);
  for (let i = 0; i < index.length; i++) {
    const pixel = [data[4 * i] & 252, data[4 * i + 1] & 252, data[4 * i + 2] & 252], key = (pixel[0] << 16) | (pixel[1] << 8) | pixel[2];
    if (!all.has(key)) all.set(key, nearest(pixel, colours));
    index[i] = all.get(key);
  }
  const sums = new Int32Array(stride * (height + window)); // of all pixels above and to the left
  for (let k = 0; k < colours.length; k++) {
    for (let y = 1; y < height + window; y++) for (let x = 1, row = 0; x < stride; x++) {
      const [i, j] = [x - 1 - before, y - 1 - before];
      row += i >= 0 && i < width && j >= 0 && j < height && index[j * width + i] === k;
      sums[y * stride + x] = sums[(y - 1) * stride + x] + row;
    }
    for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) {
      const [up, down] = [y * stride + x, (y + window) * stride + x];
      const count = sums[down + window] - sums[down] - sums[up + window] + sums[up];
      if (k && count <= votes[i]) continue;
      [votes[i], winners[i]] = [count, k];
    }
  }
  for (let i = 0; i < index.length; i++) out.data.set([...colours[winners[i]], 255], 4 * i);
  return out;
}

// At most `count` colours, dark to light: median cut, then k-means (Pillow's, in the library, differ a little)
export function paletteOf({ data }, count) {
  const pixels = Array.from({ length: data.length / 4 }, (_, i) => [...data.subarray(4 * i, 4 * i + 3)]), boxes = [pixels];
  const sides = (box) => [0, 1, 2].map((c) => Math.max(...box.map((pixel) => pixel[c])) - Math.min(...box.map((pixel) => pixel[c])));
  const extent = (box) => Math.max(...sides(box)) * Math.sqrt(box.length);
  while (boxes.length < count) {
    const box = boxes.sort((a, b) => extent(a) - extent(b)).pop(), ranges = sides(box), c = ranges.indexOf(Math.max(...ranges));
    box.sort((a, b) => a[c] - b[c]);
    boxes.push(box.slice(0, box.length / 2), box.slice(box.length / 2));
  }
  const mean = (group) => [0, 1, 2].map((c) => Math.round(group.reduce((sum, pixel) => sum + pixel[c], 0) / group.length));
  let colours = boxes.map(mean);
  for (let turn = 0; turn < 8; turn++) {
    const groups = colours.map(() => []);
    for (const pixel of pixels) groups[nearest(pixel, colours)].push(pixel);
    colours = groups.filter((group) => group.length).map(mean);
  }
  return [...new Map(colours.map((colour) => [colour.join(), colour])).values()].sort((a, b) => luma(a) - luma(b));
}

// ---- warps: how strongly a part is warped, as WARPS in one_photo.py
export const WARPS = { train: [0.06, 0.15, 0.15], val: [0.08, 0.2, 0.2] };
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
const numbers = (count, draw) => Array.from({ length: count }, draw);
export function drawn([shift, turn, zoom], normals = numbers(32, normal), [angle, scale] = numbers(2, Math.random)) {
  const shifts = normals.map((value) => 2 * shift * value); // of 4 x 4 points across, and down
  return { shifts, angle: turn * (2 * angle - 1), scale: 1 + zoom * (2 * scale - 1) };
}

const A = -0.75; // of the cubic convolution, as in torch
const near = (t) => ((A + 2) * t - (A + 3)) * t * t + 1, far = (t) => ((A * t - 5 * A) * t + 8 * A) * t - 4 * A;
const taps = (t) => [far(t + 1), near(t), near(1 - t), far(2 - t)];

function mirrored(at, size) { // beyond a border
  const inside = Math.abs(at + 0.5), extra = inside % size, odd = Math.floor(inside / size) % 2;
  return Math.min(size - 1, Math.max(0, odd ? size - extra - 0.5 : extra - 0.5));
}

export function warped(x, y, size, { shifts, angle, scale }) { // [flat, photograph] as floats, both under one warp
  const out = [new Float32Array(3 * size * size), new Float32Array(3 * size * size)], area = size * size;
  const cos = Math.cos(angle), sin = Math.sin(angle), within = (i) => Math.min(3, Math.max(0, i));
  const lines = Array.from({ length: size }, (_, i) => { // where a pixel lies between the 4 points
    const at = (3 * i) / (size - 1), first = Math.floor(at);
    return { points: [-1, 0, 1, 2].map((k) => within(first + k)), weights: taps(at - first) };
  });
  const along = lines.map(({ points, weights }) => // shifts at this column, of each of the 2 x 4 rows of points
    Array.from({ length: 8 }, (_, row) => points.reduce((sum, p, k) => sum + weights[k] * shifts[4 * row + p], 0)));
  const even = (at) => { const whole = Math.round(at); return whole - at === 0.5 && whole % 2 ? whole - 1 : whole; };
  for (let j = 0, i = 0; j < size; j++) for (let k = 0; k < size; k++, i++) {
    const across = (2 * k + 1) / size - 1, down = (2 * j + 1) / size - 1, { points, weights } = lines[j];
    let [u, v] = [scale * (across * cos - down * sin), scale * (across * sin + down * cos)];
    for (let r = 0; r < 4; r++) [u, v] = [u + weights[r] * along[k][points[r]], v + weights[r] * along[k][4 + points[r]]];
    [u, v] = [((u + 1) * size - 1) / 2, ((v + 1) * size - 1) / 2];
    const flat = even(mirrored(v, size)) * size + even(mirrored(u, size)); // copied, never mixed
    const [left, top] = [Math.floor(u), Math.floor(v)], wu = taps(u - left), wv = taps(v - top);
    const columns = [-1, 0, 1, 2].map((d) => mirrored(left + d, size)), rows = [-1, 0, 1, 2].map((d) => mirrored(top + d, size) * size);
    for (let c = 0; c < 3; c++) {
      let sum = 0;
      for (let a = 0; a < 4; a++) for (let b = 0; b < 4; b++) sum += wv[a] * wu[b] * y[c * area + rows[a] + columns[b]];
      out[0][c * area + i] = x[c * area + flat];
      out[1][c * area + i] = Math.min(1, Math.max(-1, sum));
    }
  }
  return out;
}

// ---- a network as a file that `course translate` opens
export function safetensors(state, { parameters, average }, run) {
  const rows = parameters.filter(([name, , at]) => name.startsWith("D.") || at >= average), header = { __metadata__: { run: JSON.stringify(run) } };
  const parts = rows.map(([, shape, at]) => state.slice(at, at + shape.reduce((product, side) => product * side, 1)));
  rows.reduce((first, [name, shape], i) => {
    const end = first + 4 * parts[i].length;
    header[name] = { dtype: "F32", shape, data_offsets: [first, end] };
    return end;
  }, 0);
  const text = new TextEncoder().encode(JSON.stringify(header));
  return new Blob([new BigUint64Array([BigInt(text.length)]), text, ...parts]);
}

// ---- the worker. It is told { kind, ... } and tells the page { kind, ... }
const worker = globalThis.WorkerGlobalScope && { pair: null, drawing: null, running: false, adversarial: true, steps: 0, seconds: 0, last: 0 };
const COLOURS = 8, FAINT = 16, SMALLEST = 64, LARGE = 40e6, EVERY = 2000; // as in one_photo.py; pixels; ms from one look to the next

const tell = (kind, more = {}) => postMessage({ kind, ...more });

const HEARD = {
  async load({ tab }) {
    const ort = await import("./ort.js"), here = {};
    const [wasmBinary, ...files] = await Promise.all(["ort.wasm.gz", ...tab.files].map((file) => bytes(file, (now) => {
      here[file] = now;
      tell("loading", { here: Object.values(here).reduce((a, b) => a + b) });
    })));
    Object.assign(ort.env.wasm, { numThreads: 1, proxy: false, wasmBinary });
    const open = (file) => ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
    Object.assign(worker, { ort, tab, both: await open(files[0]), alone: await open(files[1]), look: await open(files[2]) });
    fresh();
    tell("ready");
  },
  async photo({ source, size }) { // a file, or an ImageBitmap of the camera
    const picture = await createImageBitmap(source).catch(() => null);
    if (!picture) return tell("refused", { sentence: /hei[cf]/i.test(source.type + source.name) ? HEIC : NO_PHOTO });
    const { width, height } = picture, side = Math.min(width, height);
    if (side < SMALLEST) return tell("refused", { sentence: `This picture is only ${width} x ${height} px. Choose one of at least ${SMALLEST} px on each side.` });
    const ink = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
    Object.assign(ink, { fillStyle: "#fff", imageSmoothingQuality: "high" });
    ink.fillRect(0, 0, size, size);
    ink.drawImage(picture, (width - side) / 2, (height - side) / 2, side, side, 0, 0, size, size);
    picture.close();
    const photo = ink.getImageData(0, 0, size, size), palette = paletteOf(photo, COLOURS);
    const range = (c) => Math.max(...palette.map((p) => p[c])) - Math.min(...palette.map((p) => p[c]));
    if (Math.max(...[0, 1, 2].map(range)) < FAINT) return tell("refused", { sentence: "This picture is of one colour. Choose a photograph of something." });
    const flat = flattened(photo, palette, windowOf(size));
    Object.assign(worker, { pair: [toFloats(flat), toFloats(photo)], palette, running: false });
    if (worker.ort) fresh();
    const large = width * height > LARGE && `This photograph has ${Math.round((width * height) / 1e6)} megapixels. The page learns from a copy of ${size} x ${size} px.`;
    tell("photo", { photo, flat, palette, sentence: large || (source.type === "image/gif" ? "Of a GIF the page takes the first picture." : "") });
  },
  async train({ on, adversarial }) {
    worker.adversarial = adversarial;
    worker.running = on;
    if (on) worker.loop ??= train().catch((error) => tell("failed", { sentence: error.message })).finally(() => { worker.loop = null; });
    if (!on && worker.steps) await look();
  },
  async drawing({ data, again }) {
    worker.drawing = data;
    if (again) fresh();
    if (!worker.running && worker.steps) await look();
  },
  async network({ run }) {
    tell("network", { file: safetensors(worker.state.data, worker.tab, { ...run, steps: worker.steps, look: { ...run.look, palette: worker.palette } }) });
  },
  async score() { // mean L1 of warps that it has never seen
    const size = worker.tab.config.image_size;
    let sum = 0;
    for (let i = 0; i < 8; i++) {
      const [x, y] = warped(...worker.pair, size, drawn(WARPS.val)), made = (await run(worker.look, { x })).y.data;
      sum += made.reduce((total, value, k) => total + Math.abs(value - y[k]), 0) / y.length / 8;
    }
    tell("score", { l1: sum });
  },
};
const NO_PHOTO = "This file is no photograph that the browser can read. Choose a JPEG, PNG or WebP file.";
const HEIC = "This browser cannot read HEIC files. Save the photograph as a JPEG, and choose that.";

function fresh() { // weights as pix2pix begins with, N(0, 0.02), and biases of 0
  const { tab: { parameters, ones, size, average } } = worker, state = new Float32Array(size);
  for (const [, shape, at] of parameters) if (shape.length === 4 && at < average)
    for (let i = 0, count = shape.reduce((a, b) => a * b); i < count; i++) state[at + i] = 0.02 * normal();
  for (const at of ones) state[at] = 1;
  state.copyWithin(average, 0, size - 1 - average);
  Object.assign(worker, { state: new worker.ort.Tensor("float32", state, [size]), steps: 0, seconds: 0 });
}

function run(session, inputs) {
  const { tab: { config: { image_size: size } }, ort, state } = worker, feeds = { state };
  for (const [name, data] of Object.entries(inputs)) feeds[name] = new ort.Tensor("float32", data, [1, 3, size, size]);
  return session.run(feeds);
}

let busy = Promise.resolve(); // of a session one thing at a time
async function look() { // what it makes of the drawing now
  const { drawing } = worker, size = worker.tab.config.image_size;
  worker.drawing = null;
  if (drawing) worker.shown = toFloats({ data: drawing, width: size, height: size });
  if (!worker.shown) return;
  const { y, logits } = await run(worker.look, { x: worker.shown });
  worker.last = performance.now();
  const map = { side: logits.dims[3], real: logits.data.map((t) => 1 / (1 + Math.exp(-t))) };
  tell("look", { picture: toImage(y.data, size, size), map, steps: worker.steps, seconds: worker.seconds });
}

async function train() {
  const { port1, port2 } = new MessageChannel(); // to hear the page between two steps
  do {
    const since = performance.now(), { adversarial, pair, state, tab } = worker, [x, y] = warped(...pair, tab.config.image_size, drawn(WARPS.train));
    const { next, terms } = await run(adversarial ? worker.both : worker.alone, { x, y });
    if (state === worker.state) { // it was not begun again meanwhile
      Object.assign(worker, { state: next, terms: [...terms.data], steps: worker.steps + 1 });
      worker.seconds += (performance.now() - since) / 1000;
    }
    if (worker.drawing || performance.now() - worker.last > EVERY) await look();
    await new Promise((heard) => { port2.onmessage = heard; port1.postMessage(0); });
  } while (worker.running);
}

if (worker) onmessage = ({ data }) => { busy = busy.then(() => HEARD[data.kind](data)).catch((error) => tell("failed", { sentence: error.message })); };
