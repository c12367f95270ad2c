// Networks, and pictures on their way through them: as `course translate` does it (runs/sizes.py).

export const $ = (id) => document.getElementById(id);
export const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
const LARGE = 2048; // longer side of a picture that is opened, in pixels, at most
export const LONGEST = 16; // times model.size may a side be on its way
export const frame = globalThis.frameElement; // of a page of the same place that shows one network
export const demo = { first: null, last: null, count: 0, slow: 100 }; // in ms; of what is slower there are drafts

export function say(sentence) { // in the page; "" takes it back
  $("alert").textContent = sentence;
  $("alert").hidden = !sentence;
}

// ---- loading
export async function decoded(src) { // an image element
  const image = make("img", { src });
  await image.decode().catch(() => { throw new Error(`${src} could not be loaded`); });
  return image;
}

export const loads = (size) => `${Math.ceil(size / 1e6) + 4} MB are loaded`; // 4: the runtime

export async function bytes(file, tell) { // tell(bytes that are here, bytes in all)
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file} could not be loaded (${answer.status})`);
  const parts = [], reader = answer.body.getReader(), size = Number(answer.headers.get("Content-Length")) || 5e6;
  for (let here = 0, part; !(part = await reader.read()).done; ) {
    parts.push(part.value);
    here += part.value.length;
    tell(here, Math.max(size, here));
  }
  const blob = new Blob(parts), head = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const packed = head[0] === 0x1f && head[1] === 0x8b; // a server may have unpacked it
  const stream = packed ? blob.stream().pipeThrough(new DecompressionStream("gzip")) : blob.stream();
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let runtime; // promise of onnxruntime-web: one thread, as more need headers of the server, beside that of the page
async function begin(tell) {
  const [ort, wasmBinary] = await Promise.all([import("./ort.js"), bytes("ort.wasm.gz", tell)]);
  return Object.assign(ort.env.wasm, { numThreads: 1, proxy: true, wasmBinary }) && ort;
}

const sessions = new Map(); // file -> promise of a session
export function open(model, tell = () => {}) { // fetched when it is first asked for, and then kept
  if (sessions.has(model.file)) return sessions.get(model.file);
  const parts = new Map(), sum = (at) => [...parts.values()].reduce((all, part) => all + part[at], 0);
  const telling = (file) => (...part) => { parts.set(file, part); tell(sum(0), sum(1)); };
  runtime ??= begin(telling("runtime")).catch((error) => { runtime = null; throw error; });
  const weights = bytes(model.file, telling("weights")); // both at once
  const session = Promise.all([runtime, weights]).then(
    ([ort, file]) => ort.InferenceSession.create(file, { executionProviders: ["wasm"] }).then((made) => [ort, made]),
  );
  sessions.set(model.file, session);
  session.catch(() => sessions.delete(model.file)); // it can be tried again
  return session;
}

// ---- computing
let last = Promise.resolve(); // one at a time
export function run(model, x, z, width, height) { // (3 H W) in [-1, 1], z_dim numbers -> (3 H W), Float32Array
  const next = async () => {
    const [ort, session] = await open(model);
    const feeds = { x: new ort.Tensor("float32", x, [1, 3, height, width]) };
    if (model.z_dim) feeds.z = new ort.Tensor("float32", Float32Array.from(z), [1, model.z_dim]);
    return (await session.run(feeds)).y.data;
  };
  return (last = last.then(next, next));
}

function fitted(side, model, least) { // resized to, and then padded to
  const step = model.multiple || model.size, whole = Math.max(Math.ceil(side / step) * step, least);
  const near = Math.max(Math.floor(side / step + 0.6) * step, least);
  return whole - side <= 0.15 * whole ? [side, whole] : [near, near];
}

const shorter = ({ width, height }) => Math.min(width, height);
export const whole = (model) => model.size / (model.share ?? 1); // shorter side of a picture on its way, in pixels

// What a network makes of an ImageData, whose shorter side is `short` px on the way, or `whole`.
export async function paint(model, source, { short, code = [], smooth = true } = {}) {
  const share = (short ?? whole(model)) / shorter(source), least = short ? model.multiple : model.size;
  const reduced = (side) => model.multiple ? Math.min(LONGEST * model.size, Math.round(side * share)) : model.size;
  const rim = short || !(model.share < 1) ? 0 : Math.floor(model.size / 8); // see Frame in course_lib/runs/sizes.py
  const [[outW, w], [outH, h]] = [source.width, source.height].map((side) => fitted(reduced(side) + 2 * rim, model, least));
  const inW = outW - 2 * rim, inH = outH - 2 * rim;
  const y = await run(model, toFloats(resized(source, inW, inH, smooth), w, h, rim), code, w, h);
  return toImage(y, inW, inH, w, h, rim);
}

// ---- pictures
export async function opened(file) { // ImageBitmap of an image, upright, reduced before anything else; else an error
  const src = URL.createObjectURL(file);
  try {
    const image = await decoded(src);
    const { naturalWidth: width, naturalHeight: height } = image, share = Math.min(1, LARGE / Math.max(width, height));
    const [resizeWidth, resizeHeight] = [width, height].map((side) => Math.max(1, Math.round(side * share)));
    return await createImageBitmap(image, { resizeWidth, resizeHeight, resizeQuality: "high" });
  } finally {
    URL.revokeObjectURL(src);
  }
}
export const NO_IMAGE = "This file is no image that the browser can read. Choose a JPEG, PNG or WebP file.";

export const inkOf = (width, height) => new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });

export function dataOf(picture, width, height) { // ImageData of what can be drawn
  const ink = inkOf(width, height);
  ink.fillStyle = "#fff"; // under what is transparent
  ink.fillRect(0, 0, width, height);
  ink.imageSmoothingQuality = "high";
  ink.drawImage(picture, 0, 0, width, height);
  return ink.getImageData(0, 0, width, height);
}

export function resized(picture, width, height, smooth = true) { // ImageData of another size
  if (picture.width === width && picture.height === height) return picture;
  const from = inkOf(picture.width, picture.height), to = inkOf(width, height);
  from.putImageData(picture, 0, 0);
  Object.assign(to, { imageSmoothingEnabled: smooth, imageSmoothingQuality: "high" });
  to.drawImage(from.canvas, 0, 0, width, height);
  return to.getImageData(0, 0, width, height);
}

const mirrored = (i, side) => side - 1 - Math.abs(side - 1 - Math.abs(i)); // beyond a border

export function toFloats({ data, width, height }, w = width, h = height, rim = 0) { // 0..255 RGBA -> [-1, 1], channels first
  const x = new Float32Array(3 * w * h);
  for (let j = 0, k = 0; j < h; j++) for (let i = 0; i < w; i++, k++) {
    const from = 4 * (mirrored(j - rim, height) * width + mirrored(i - rim, width));
    for (let c = 0; c < 3; c++) x[c * w * h + k] = data[from + c] / 127.5 - 1;
  }
  return x;
}

export function toImage(y, width, height, w = width, h = height, rim = 0) { // of (3 h w) what is within the rim and the padding
  const out = new ImageData(width, height);
  out.data.fill(255); // opaque; what is written below is rounded and clamped
  for (let j = 0; j < height; j++) for (let i = 0; i < width; i++)
    for (let c = 0; c < 3; c++) out.data[4 * (j * width + i) + c] = (y[(c * h + j + rim) * w + i + rim] + 1) * 127.5;
  return out;
}

const luminance = (data, i) => 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];

export function inGrey({ data, width, height }) {
  const grey = new ImageData(width, height);
  for (let i = 0; i < data.length; i += 4) {
    grey.data[i] = grey.data[i + 1] = grey.data[i + 2] = luminance(data, i);
    grey.data[i + 3] = 255;
  }
  return grey;
}

export function keepLuminance({ data }, { data: source }) { // of a photograph: the network decides about colours alone
  for (let i = 0; i < data.length; i += 4) {
    const more = luminance(source, i) - luminance(data, i);
    for (let c = 0; c < 3; c++) data[i + c] += more; // which is rounded and clamped
  }
}

export function put(canvas, picture) {
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

export const MADE = "made by a GAN";
const CRC = Uint32Array.from({ length: 256 }, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1; return n; });
function said(text) { // a chunk of a PNG file
  const body = new TextEncoder().encode(`tEXtSource\0${text}`), chunk = new DataView(new ArrayBuffer(body.length + 8));
  chunk.setUint32(0, body.length - 4);
  new Uint8Array(chunk.buffer).set(body, 4);
  chunk.setUint32(body.length + 4, ~body.reduce((crc, byte) => (crc >>> 8) ^ CRC[(crc ^ byte) & 255], -1));
  return chunk;
}

export const save = (canvas, name) => canvas.toBlob((png) => saveFile(marked(png), name));

const marked = (png) => new Blob([png.slice(0, 33), said(MADE), png.slice(33)], { type: "image/png" }); // behind its size

export function saveFile(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
