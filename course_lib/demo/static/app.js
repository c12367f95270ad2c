"use strict";
// A drawing is kept in the model's own pixels: what is on the paper is exactly what the network sees. A picture that is
// opened keeps its size, and what the network makes of it gets that size, as with `course translate`.
// A plain script, so that a page opened as a file can still say what is wrong.
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const paper = $("paper"), result = $("result"), cursor = $("cursor");
  const UNDO = 60, MEMORY = 2e8; // steps, and their bytes, at most
  const LARGE = 2048; // longer side of a picture that is opened, in pixels, at most
  const paperInk = paper.getContext("2d", { willReadFrequently: true }), resultInk = result.getContext("2d");
  const sessions = new Map(); // file -> promise of a session
  const frame = window.frameElement; // of a page of the same place that shows one network
  let ort, models = [], model, wanted, session, image; // image: ImageData, of a drawing size x size
  let tool = "pen", colour = [0, 0, 0], paperColour = [255, 255, 255];
  let undone = [], stroke = null, spot = null; // stroke {x, y, by}: its last point; spot {x, y}: the keyboard's pen
  let busy = false, asked = null; // since when a translation is wanted, ms
  let wake = () => {}; // called when one is wanted
  const demo = { first: null, last: null, count: 0, slow: 100 }; // in ms; slower pictures get a draft while one draws

  // ---- errors and loading
  function fail(error) {
    $("alert").textContent = `Something went wrong: ${error?.message ?? error}`;
    $("alert").hidden = false;
    $("loading").hidden = true;
    $("latency").textContent = "";
  }
  window.addEventListener("error", (event) => fail(event.error ?? event.message));
  window.addEventListener("unhandledrejection", (event) => fail(event.reason));

  const loaded = new Map(); // file -> [bytes that are here, bytes in all]
  async function bytes(file) {
    const answer = await fetch(file);
    if (!answer.ok) throw new Error(`${file} could not be loaded (${answer.status})`);
    const parts = [], reader = answer.body.getReader(), size = Number(answer.headers.get("Content-Length")) || 5e6;
    for (let here = 0, part; !(part = await reader.read()).done; ) {
      parts.push(part.value);
      loaded.set(file, [here += part.value.length, Math.max(size, here)]);
      const [had, all] = [...loaded.values()].reduce(([a, b], [c, d]) => [a + c, b + d]);
      $("progress").value = had / all;
    }
    const blob = new Blob(parts), head = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
    const packed = head[0] === 0x1f && head[1] === 0x8b; // a server may have unpacked it
    const stream = packed ? blob.stream().pipeThrough(new DecompressionStream("gzip")) : blob.stream();
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  async function start() {
    if (location.protocol === "file:") throw new Error("open this page from a web server: python -m http.server");
    const about = JSON.parse(new TextDecoder().decode(await bytes("models.json")));
    const named = new URLSearchParams(location.search).get("network");
    const opening = about.models.find((each) => each.name === named) ?? about.models[0];
    models = frame ? [opening] : about.models;
    $("runtime").textContent = about.runtime;
    if (frame) await waiting(opening);
    const runtime = bytes("ort.wasm.gz"), weights = bytes(opening.file); // both at once
    weights.catch(() => {}); // reported below, where it is waited for
    ort = await import("./ort.js");
    ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
    ort.env.wasm.wasmBinary = await runtime;
    sessions.set(opening.file, open(weights));
    makeModels();
    await choose(opening);
  }

  async function waiting(next) { // in a frame nothing large is fetched before the reader draws or asks for a picture
    const fit = () => { frame.style.height = `${document.body.offsetHeight}px`; };
    new ResizeObserver(() => requestAnimationFrame(fit)).observe(document.body); // at once, it may be called in a loop
    const follow = () => { document.documentElement.style.colorScheme = getComputedStyle(frame).colorScheme; };
    new MutationObserver(follow).observe(frame.ownerDocument.documentElement, { attributes: true });
    follow();
    document.body.classList.add("framed");
    const answer = make("img", { src: next.thumbnail });
    await Promise.all([answer.decode(), take(next)]);
    [result.width, result.height] = [next.size, next.size];
    resultInk.drawImage(answer, next.size - answer.naturalWidth, 0); // the last of its pictures
    $("loading").hidden = true;
    $("latency").textContent = `Draw, and ${Math.ceil(next.bytes / 1e6) + 4} MB are loaded`; // 4: the runtime
    await new Promise((touched) => { wake = touched; });
    $("loading").hidden = false;
    $("latency").textContent = "Loading ...";
    asked = null;
  }

  const open = async (weights) => ort.InferenceSession.create(await weights, { executionProviders: ["wasm"] });

  async function choose(next) { // one network at a time is fetched, when it is chosen, and then kept
    wanted = next;
    pressModel(next, true);
    if (!sessions.has(next.file)) {
      loaded.clear(); // the bar starts again
      sessions.set(next.file, open(bytes(next.file)));
    }
    $("loading").hidden = false;
    const opened = await sessions.get(next.file).catch((error) => {
      sessions.delete(next.file);
      if (next === wanted) pressModel(wanted = model, false);
      throw error;
    });
    if (next !== wanted) return; // another one was chosen meanwhile
    session = opened;
    pressModel(next, false);
    $("loading").hidden = $("alert").hidden = true;
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
    $("file").disabled = false;
    if (!first) return translate();
    image = null; // that of another task
    await preset(model.presets[0]);
  }

  function speak(opened = false) { // of what is on the paper
    const drawn = model.colours.length && !opened;
    $("drawing-title").textContent = model.grey ? "The photograph in grey" : drawn ? "Your drawing" : "Your picture";
    $("result-title").textContent = model.grey ? "The colours that the network guesses" : "Translation";
    $("lead").textContent = model.grey
      ? "Open a photograph: the network sees it in grey, and guesses."
      : "A network paints what you draw. Clear, draw, and watch: it runs in this page.";
  }

  // ---- translation
  // Float32Array (3 H W) in [-1, 1], z_dim numbers -> Float32Array (3 H W)
  async function run(x, z, width = model.size, height = model.size) {
    const feeds = { x: new ort.Tensor("float32", x, [1, 3, height, width]) };
    if (model.z_dim) feeds.z = new ort.Tensor("float32", Float32Array.from(z), [1, model.z_dim]);
    return (await session.run(feeds)).y.data;
  }

  function fitted(side) { // resized to, and then padded to: as course translate does
    const step = model.multiple || model.size, whole = Math.max(Math.ceil(side / step) * step, model.size);
    const near = Math.max(Math.floor(side / step + 0.6) * step, model.size);
    return whole - side <= 0.15 * whole ? [side, whole] : [near, near];
  }

  function reduced(side) { // of the paper to the network: the shorter one is as in training, or it is a square
    const share = model.size / Math.min(image.width, image.height);
    return model.multiple ? Math.min(16 * model.size, Math.round(side * share)) : model.size;
  }

  function drafted(side) { // so that a draft takes about 40 ms, but at least a third of the side
    const share = Math.max(1 / 3, Math.sqrt((0.4 * demo.slow) / model.slow));
    return Math.ceil((side * share) / model.multiple) * model.multiple;
  }

  function resized(picture, width, height, smooth = true) { // ImageData of another size
    if (picture.width === width && picture.height === height) return picture;
    const ink = (size) => new OffscreenCanvas(size.width, size.height).getContext("2d");
    const from = ink(picture), to = ink({ width, height });
    from.putImageData(picture, 0, 0);
    Object.assign(to, { imageSmoothingEnabled: smooth, imageSmoothingQuality: "high" });
    to.drawImage(from.canvas, 0, 0, width, height);
    return to.getImageData(0, 0, width, height);
  }

  const mirrored = (i, side) => side - 1 - Math.abs(side - 1 - i); // beyond the right and the lower border

  function toFloats({ data, width, height }, w = width, h = height) { // 0..255 RGBA -> [-1, 1], channels first
    const x = new Float32Array(3 * w * h);
    for (let j = 0, k = 0; j < h; j++) for (let i = 0; i < w; i++, k++) {
      const from = 4 * (mirrored(j, height) * width + mirrored(i, width));
      for (let c = 0; c < 3; c++) x[c * w * h + k] = data[from + c] / 127.5 - 1;
    }
    return x;
  }

  function toImage(y, width, height, w, h) { // of (3 h w) the upper left part
    const out = new ImageData(width, height);
    out.data.fill(255); // opaque; what is written below is rounded and clamped
    for (let j = 0; j < height; j++) for (let i = 0; i < width; i++)
      for (let c = 0; c < 3; c++) out.data[4 * (j * width + i) + c] = (y[(c * h + j) * w + i] + 1) * 127.5;
    return out;
  }

  const luminance = (data, i) => 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];

  function keepLuminance({ data }, { data: source }) { // of a photograph: the network decides about colours alone
    for (let i = 0; i < data.length; i += 4) {
      const more = luminance(source, i) - luminance(data, i);
      for (let c = 0; c < 3; c++) data[i + c] += more; // which is rounded and clamped
    }
  }

  async function translate() { // one at a time, and of what is asked meanwhile the latest
    asked ??= performance.now();
    wake();
    if (busy || !session) return;
    busy = true;
    try {
      while (asked !== null) {
        await new Promise(requestAnimationFrame); // show the stroke first
        const since = asked, source = image, drawing = stroke, draft = stroke && model.slow && model.multiple;
        asked = null;
        if (!source) continue; // the first drawing of another model is on its way
        let [inW, w] = fitted(reduced(source.width)), [inH, h] = fitted(reduced(source.height));
        if (draft) [inW, inH] = [w, h] = [drafted(w), drafted(h)];
        const y = await run(toFloats(resized(source, inW, inH, !draft), w, h), code(), w, h);
        let picture = toImage(y, inW, inH, w, h);
        if (!drawing) picture = resized(picture, source.width, source.height); // when the pen rests
        if (!drawing && model.grey) keepLuminance(picture, source);
        [result.width, result.height] = [picture.width, picture.height];
        resultInk.putImageData(picture, 0, 0);
        demo.last = performance.now() - since;
        demo.first ??= performance.now();
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
    const r = radius(), { width, height } = image, ink = tool === "pen" ? colour : paperColour;
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

  function lineTo(x, y) {
    const step = Math.max(1 / 3, radius() / 8), from = stroke;
    const steps = Math.max(1, Math.ceil(Math.hypot(x - stroke.x, y - stroke.y) / step));
    for (let k = 1; k <= steps; k++) dab(from.x + ((x - from.x) * k) / steps, from.y + ((y - from.y) * k) / steps);
    stroke = { ...stroke, x, y };
    show();
  }

  function begin(x, y, by) {
    remember();
    stroke = { x, y, by };
    lineTo(x, y);
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
    remember();
    for (let i = 0; i < image.data.length; i += 4) image.data.set(paperColour, i);
    show();
    translate();
  }

  async function preset({ file }) { // put a stored input on the paper
    const picture = make("img", { src: file });
    await picture.decode().catch(() => { throw new Error(`${file} could not be loaded`); });
    speak();
    put(picture, model.size, model.size);
  }

  function put(picture, width, height) {
    $("alert").hidden = true; // of a file that was no image
    if (image?.width === width && image.height === height) remember();
    else [undone, $("undo").disabled] = [[], true];
    [paper.width, paper.height] = [width, height];
    for (const canvas of [paper, result]) canvas.parentElement.style.aspectRatio = `${width} / ${height}`;
    paperInk.fillStyle = "#fff"; // under what is transparent
    paperInk.fillRect(0, 0, width, height);
    paperInk.imageSmoothingQuality = "high";
    paperInk.drawImage(picture, 0, 0, width, height);
    image = paperInk.getImageData(0, 0, width, height);
    if (model.grey) for (let i = 0, { data } = image; i < data.length; i += 4) // what it has learned from
      data.fill(luminance(data, i), i, i + 3);
    show();
    translate();
  }

  $("file").onchange = async ({ target }) => { // an image of one's own
    const opened = createImageBitmap(target.files[0]);
    target.value = ""; // the same file can be opened again
    const picture = await opened.catch(() => fail("this is no image"));
    if (!picture) return;
    const [short, long] = [picture.width, picture.height].sort((a, b) => a - b);
    const share = Math.max(model.size / short, Math.min(1, LARGE / long)); // at least as large as the network's
    const side = (length) => Math.min(16 * model.size, Math.round(length * share));
    speak(true);
    put(picture, side(picture.width), side(picture.height));
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
    p: () => choosePen("pen"), e: () => choosePen("eraser"), Delete: clear, Backspace: clear,
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
    } else if (KEYS[event.key]) KEYS[event.key]();
    else return;
    event.preventDefault();
    place(spot.x, spot.y, stroke?.by === "keys");
  };
  document.onkeydown = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key !== "z" || !image || stroke) return;
    event.preventDefault();
    undo();
  };

  // ---- the rest of the page
  function choosePen(name) {
    tool = name;
    for (const id of ["pen", "eraser"]) $(id).ariaPressed = String(id === name);
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
    const pens = model.colours.filter((each) => each !== model.paper);
    const use = (chosen) => {
      colour = rgb(chosen);
      if (model.grey) colour.fill(luminance(colour, 0));
      $("meaning").textContent = model.meanings[model.colours.indexOf(chosen)]?.replace(/^#.*/, "") ?? "";
      choosePen("pen");
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
  for (const id of ["pen", "eraser"]) $(id).onclick = () => choosePen(id);
  $("undo").onclick = undo;
  $("clear").onclick = () => image && clear();
  $("save").onclick = () => result.toBlob((blob) => {
    const link = make("a", { href: URL.createObjectURL(blob), download: "translation.png" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  window.courseDemo = Object.assign(demo, { translate: run, input: () => toFloats(image) });
  start();
})();
