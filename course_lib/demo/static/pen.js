// A drawing, and what it is drawn with: pen, fill, undo, by mouse, finger and keys. In the network's own pixels.
import { make } from "./network.js";

const UNDO = 60, MEMORY = 2e8; // steps, and their bytes, at most
export const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)); // "#ff0000" -> [255, 0, 0]

// find(name): an element of the view. on: changed(), of each change; cleared(); radius(image), of the brush in pixels
export function drawing(find, on) {
  const paper = find("paper"), cursor = find("cursor"), ink = paper.getContext("2d");
  let tool = "pen", colour = [0, 0, 0], paperColour = [255, 255, 255], painted = false;
  let undone = [], spot = null; // spot {x, y}: the keyboard's pen
  const pad = { image: null, stroke: null, show, put, clear, choose, makeColours }; // image: ImageData; stroke {x, y, by}: its last point
  const radius = () => on.radius(pad.image);

  function dab(x, y) { // a disc, without soft edges: the outlines have none
    const r = radius(), { width, height, data } = pad.image, with_ = tool === "eraser" ? paperColour : colour;
    for (let j = Math.max(0, Math.floor(y - r)); j < Math.min(height, y + r); j++)
      for (let i = Math.max(0, Math.floor(x - r)); i < Math.min(width, x + r); i++)
        if ((i + 0.5 - x) ** 2 + (j + 0.5 - y) ** 2 <= r * r) data.set(with_, 4 * (j * width + i));
  }

  function show() {
    ink.putImageData(pad.image, 0, 0);
  }

  function remember() {
    undone.push(pad.image.data.slice());
    while (undone.length > UNDO || undone.length * pad.image.data.length > MEMORY) undone.shift();
    find("undo").disabled = false;
  }

  function flood(x, y) { // the connected area of one colour
    const { width, height, data } = pad.image, pixels = new Uint32Array(data.buffer);
    const first = Math.min(height - 1, Math.floor(y)) * width + Math.min(width - 1, Math.floor(x)), old = pixels[first];
    data.set(colour, 4 * first);
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
    const step = Math.max(1 / 3, radius() / 8), from = pad.stroke;
    const steps = Math.max(1, Math.ceil(Math.hypot(x - from.x, y - from.y) / step));
    for (let k = 1; k <= steps; k++) dab(from.x + ((x - from.x) * k) / steps, from.y + ((y - from.y) * k) / steps);
    pad.stroke = { ...from, x, y };
    show();
  }

  function begin(x, y, by) {
    remember();
    if (tool === "fill") flood(x, y);
    else {
      pad.stroke = { x, y, by };
      lineTo(x, y);
    }
    on.changed();
  }

  function end() {
    pad.stroke = null;
    on.changed();
  }

  function undo() {
    if (undone.length) pad.image.data.set(undone.pop());
    find("undo").disabled = !undone.length;
    show();
    on.changed();
  }

  function clear() { // all of it in the paper's colour
    remember();
    for (let i = 0; i < pad.image.data.length; i += 4) pad.image.data.set(paperColour, i);
    show();
    on.changed();
  }

  function put(image, fresh = false) { // another drawing; undo brings the last one back, unless it is a fresh start
    if (!fresh && pad.image?.width === image.width && pad.image.height === image.height) remember();
    else [undone, find("undo").disabled] = [[], true];
    [paper.width, paper.height] = [image.width, image.height];
    pad.image = image;
    show();
    on.changed();
  }

  // ---- pointer and keyboard
  function place(x, y, down) { // the ring that shows the brush
    const share = (value, length) => `${(100 * value) / length}%`, { width, height } = pad.image, side = 2 * radius();
    const at = { left: share(x, width), top: share(y, height), width: share(side, width), height: share(side, height) };
    Object.assign(cursor.style, at);
    cursor.classList.toggle("down", down);
    cursor.hidden = false;
  }

  function point(event) {
    const { left, top, width, height } = paper.getBoundingClientRect();
    return [((event.clientX - left) / width) * pad.image.width, ((event.clientY - top) / height) * pad.image.height];
  }

  paper.onpointerdown = (event) => {
    if (!pad.image || event.button || (pad.stroke && pad.stroke.by !== "keys")) return;
    paper.setPointerCapture(event.pointerId);
    begin(...point(event), event.pointerId);
  };
  paper.onpointermove = (event) => {
    if (!pad.image) return;
    if (event.pointerType !== "touch") place(...point(event), false);
    if (pad.stroke?.by !== event.pointerId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) lineTo(...point(each));
    on.changed();
  };
  paper.onpointerup = paper.onpointercancel = (event) => {
    if (pad.stroke?.by === event.pointerId) end();
  };
  paper.onpointerleave = () => { cursor.hidden ||= !pad.stroke; };
  paper.onblur = () => {
    cursor.hidden = true;
    if (pad.stroke?.by === "keys") end();
  };

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const KEYS = {
    p: () => choose("pen"), e: () => painted || choose("eraser"), f: () => painted && choose("fill"), Delete: on.cleared, Backspace: on.cleared,
    "[": () => find("brush").stepDown(), "]": () => find("brush").stepUp(),
  };
  paper.onkeydown = (event) => {
    if (!pad.image || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key], { image } = pad;
    spot ??= { x: image.width / 2, y: image.height / 2 };
    if (move) {
      const step = event.shiftKey ? 4 : 1, inside = (v, side) => Math.min(side, Math.max(0, v));
      spot = { x: inside(spot.x + step * move[0], image.width), y: inside(spot.y + step * move[1], image.height) };
      if (pad.stroke?.by === "keys") { lineTo(spot.x, spot.y); on.changed(); }
    } else if (event.key === " ") {
      if (pad.stroke?.by === "keys") end();
      else if (!pad.stroke) begin(spot.x, spot.y, "keys");
    } else if (event.key > "0" && find("colours").children[event.key - 1]) find("colours").children[event.key - 1].click();
    else if (KEYS[event.key]) KEYS[event.key]();
    else return;
    event.preventDefault();
    place(spot.x, spot.y, pad.stroke?.by === "keys");
  };
  document.addEventListener("keydown", (event) => {
    if (!paper.offsetParent || !(event.ctrlKey || event.metaKey) || event.key !== "z" || !pad.image || pad.stroke) return;
    event.preventDefault();
    undo();
  });

  // ---- tools
  function choose(name) {
    tool = name;
    for (const id of ["pen", "eraser", "fill"]) if (find(id)) find(id).ariaPressed = String(id === name);
  }

  // To choose between: none where there is one pen, a picker where there are too many. A painting has nothing but these
  function makeColours(colours, meanings, paperHex, paints) {
    [painted, paperColour] = [paints, rgb(paperHex)];
    const pens = colours.filter((each) => painted || each !== paperHex);
    const use = (chosen) => {
      colour = rgb(chosen);
      find("meaning").textContent = meanings[colours.indexOf(chosen)]?.replace(/^#.*/, "") ?? "";
      if (tool === "eraser" || !painted) choose("pen");
      for (const each of find("colours").children) each.ariaPressed = String(each.value === chosen);
    };
    const picker = make("input", { type: "color", ariaLabel: "Colour", oninput: () => use(picker.value) });
    const swatches = colours.map((value, i) => {
      const title = meanings[i], button = make("button", { ariaLabel: title, title, value, onclick: () => use(value) });
      button.style.background = value;
      return button;
    });
    find("colours").replaceChildren(...(!colours.length ? [picker] : pens.length > 1 ? swatches : []));
    use(pens[0] ?? "#000000");
  }

  for (const id of ["pen", "eraser", "fill"]) if (find(id)) find(id).onclick = () => choose(id);
  find("undo").onclick = undo;
  find("clear").onclick = () => pad.image && on.cleared();
  return pad;
}
