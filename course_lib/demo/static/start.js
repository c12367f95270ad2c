// Which of the views is shown, and what both have: files that are dropped, frames.
import { $, demo, frame, run, say } from "./network.js";
import { drawings } from "./draw.js";
import { photographs } from "./photo.js";
import { training } from "./train.js";

const VIEWS = { train: training, photograph: photographs, draw: drawings, ten: () => ({ take: () => {}, leave: () => {} }) };
const HEADS = {
  train: ["One photograph, one minute, your tab", "In this tab a network learns to turn eight flat colours back into one photograph, yours. It knows nothing else: whatever you paint in these colours, it makes of what it has seen there."],
  photograph: ["Your photograph, painted", "Choose one, take one, or drop one anywhere on this page; a short film, too. It never leaves your device."],
  ten: ["Ten drawings of your own", "Would a network learn from ten pairs of a line drawing and its colours, with the same settings and for as long? We tried."],
  draw: ["Draw and translate", "A network paints what you draw. Clear, draw, and watch: it runs in this page."],
};
const answer = await fetch("models.json");
if (!answer.ok) throw new Error(`models.json could not be loaded (${answer.status})`);
const about = await answer.json();
const named = about.models.find((each) => each.name === new URLSearchParams(location.search).get("network"));
const models = frame ? [named ?? about.models[0]] : about.models;
const trains = frame || !about.tab?.files ? [] : [about.tab];
const of = { train: trains, ten: trains, photograph: models.filter((each) => each.photograph), draw: models.filter((each) => !each.photograph) };
const views = {}; // of those that were opened, by name: what takes a file
let shown;

function show() {
  const asked = location.hash.slice(1), first = named ?? of.photograph[0] ?? models[0] ?? {};
  const view = of[asked]?.length ? asked : of.train.length && !named ? "train" : first.photograph ? "photograph" : "draw";
  for (const name of Object.keys(VIEWS)) {
    $(name).hidden = name !== view;
    $(`to-${name}`).ariaCurrent = name === view ? "page" : null;
  }
  [document.title, $("lead").textContent] = HEADS[view];
  $("title").textContent = document.title;
  [$("keys").hidden, $("networks").hidden] = [view !== "draw", "train ten".includes(view)];
  say("");
  for (const [name, opened] of Object.entries(views)) if (name !== view) opened.leave();
  views[view] ??= VIEWS[view](of[view], named, about);
  shown = views[view];
}

function follow() { // the page around this one, in its colours and with all of this one's height
  const fit = () => { frame.style.height = `${document.body.offsetHeight}px`; };
  new ResizeObserver(() => requestAnimationFrame(fit)).observe(document.body); // at once, it may be called in a loop
  const colours = () => { document.documentElement.style.colorScheme = getComputedStyle(frame).colorScheme; };
  new MutationObserver(colours).observe(frame.ownerDocument.documentElement, { attributes: true });
  colours();
  document.body.classList.add("framed");
}

let over = 0; // how many elements deep a file is held over the page
const holds = (event) => event.dataTransfer.types.includes("Files") && (event.preventDefault(), true);
const hover = (depth) => document.body.classList.toggle("over", (over = depth) > 0);
document.ondragenter = (event) => holds(event) && hover(over + 1);
document.ondragleave = () => hover(Math.max(0, over - 1));
document.ondragover = holds;
document.ondrop = (event) => {
  hover(0);
  if (holds(event) && event.dataTransfer.files.length) shown.take(event.dataTransfer.files[0]);
};

$("runtime").textContent = about.runtime;
for (const name of Object.keys(VIEWS)) $(`to-${name}`).hidden = !of[name].length;
$("views").hidden = Object.values(of).filter((each) => each.length).length < 2;
if (frame) follow();
window.onhashchange = show;
window.courseDemo = Object.assign(demo, {
  translate: (x, z, number = 0) => run(models[number], x, z, models[number].size, models[number].size),
});
show();
