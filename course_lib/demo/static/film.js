// A film, frame by frame: out of a file, out of a camera, and into a WebP file.
import { MADE, dataOf, inkOf, make } from "./network.js";

export const FRAMES = 32, PACE = 100; // frames at most, and ms from one to the next where the browser knows no frames
const SIDE = 480; // longer side at most, in pixels

function shrunk(picture, width, height) { // ImageData
  const share = Math.min(1, SIDE / Math.max(width, height));
  return dataOf(picture, ...[width, height].map((side) => Math.max(1, Math.round(side * share))));
}
export const seen = (video) => shrunk(video, video.videoWidth, video.videoHeight);

// The first FRAMES of a film: [{ picture: ImageData, lasts: ms }], and `cut` if anything was left out. null: it is none.
export async function framesOf(file) {
  if (file.type.startsWith("video/")) return ofVideo(file);
  return /gif|webp/.test(file.type) && window.ImageDecoder ? ofImages(file) : null;
}

async function ofImages(file) { // a GIF or a WebP
  const decoder = new ImageDecoder({ data: await file.arrayBuffer(), type: file.type }), frames = [];
  try {
    await decoder.tracks.ready;
    const count = decoder.tracks.selectedTrack.frameCount;
    if (count < 2) return null;
    for (let frameIndex = 0; frameIndex < Math.min(count, FRAMES); frameIndex++) {
      const { image } = await decoder.decode({ frameIndex });
      frames.cut ||= count > FRAMES || Math.max(image.displayWidth, image.displayHeight) > SIDE;
      frames.push({ picture: shrunk(image, image.displayWidth, image.displayHeight), lasts: image.duration / 1000 || PACE });
      image.close();
    }
    return frames;
  } finally {
    decoder.close();
  }
}

async function ofVideo(file) { // a picture each PACE ms
  const video = make("video", { muted: true, playsInline: true, preload: "auto", src: URL.createObjectURL(file) });
  const at = (time) => new Promise((done, fail) => {
    Object.assign(video, { onseeked: done, onloadeddata: done, onerror: () => fail(new Error("it cannot be read")) });
    if (time !== undefined) video.currentTime = time;
  });
  try {
    await at();
    if (!Number.isFinite(video.duration)) await at(1e9); // what a browser has recorded tells its length at its end
    const count = Math.max(1, Math.floor((1000 * video.duration) / PACE)), frames = [];
    for (let i = 0; i < Math.min(count, FRAMES); i++) {
      await at(((i + 0.5) * PACE) / 1000);
      frames.push({ picture: seen(video), lasts: PACE });
    }
    return Object.assign(frames, { cut: !(count <= FRAMES && Math.max(video.videoWidth, video.videoHeight) <= SIDE) });
  } finally {
    URL.revokeObjectURL(video.src);
  }
}

// ---- a WebP file, as RFC 9649 has it, which says where it comes from
const XMP = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="${MADE}"/></rdf:RDF></x:xmpmeta>`;
const number = (value, count) => Array.from({ length: count }, (_, i) => (value >> (8 * i)) & 255);
const bytes = (...values) => Uint8Array.from(values.flat());

function chunk(name, ...parts) {
  const body = new Blob(parts), head = bytes(Array.from(name, (letter) => letter.charCodeAt(0)), number(body.size, 4));
  return new Blob([head, body, bytes(Array(body.size % 2).fill(0))]);
}

async function imageOf(still) { // of the chunks of a WebP file those that a frame may have
  const view = new DataView(await still.arrayBuffer()), parts = [];
  for (let at = 12, end; at < view.byteLength; at = end) { // behind RIFF, the size, and WEBP
    end = at + 8 + 2 * Math.ceil(view.getUint32(at + 4, true) / 2);
    if (["ALPH", "VP8 ", "VP8L"].includes(await still.slice(at, at + 4).text())) parts.push(still.slice(at, end));
  }
  return parts;
}

export async function toWebP(frames) { // Blob; null where the browser writes no WebP
  const [{ picture: { width, height } }] = frames, sides = [...number(width - 1, 3), ...number(height - 1, 3)], parts = [];
  for (const { picture, lasts } of frames) {
    const ink = inkOf(width, height);
    ink.putImageData(picture, 0, 0);
    const still = await ink.canvas.convertToBlob({ type: "image/webp", quality: 0.9 });
    if (still.type !== "image/webp") return null;
    const told = bytes(number(0, 6), sides, number(Math.round(lasts), 3), 2); // where, how large, how long, and not mixed
    parts.push(chunk("ANMF", told, ...(await imageOf(still))));
  }
  const head = [chunk("VP8X", bytes(6, 0, 0, 0, sides)), chunk("ANIM", bytes(number(0, 6)))]; // it moves, and says more; in a circle
  return new Blob([chunk("RIFF", "WEBP", ...head, ...parts, chunk("XMP ", XMP))], { type: "image/webp" });
}
