// The onload of a sheet of pictures, of which one shows at a time: a slider for each axis, and a
// small map of the whole sheet to drag over, if one is asked for.
const large = this, row = large.parentNode.parentNode, root = row.parentNode, { alt } = large;
const { axes, start, map } = JSON.parse(root.dataset.told);
const counts = axes.map(([, values]) => values.length);
const make = (kind, parent, set) => parent.appendChild(Object.assign(document.createElement(kind), set));

const ranges = axes.map(([name], i) => {
  const label = make("label", root, {});
  make("span", label, { textContent: name });
  const range = make("input", label, { type: "range", min: 0, max: counts[i] - 1, value: start[i] });
  make("output", label, {});
  range.oninput = show;
  return range;
});
const pad = map && make("div", row, { className: "pad", style: `flex-basis: ${map}px` });
if (pad) {
  make("img", pad, { src: large.src, alt: "all of them: drag to choose" });
  make("i", pad, { style: `width: ${100 / counts[1]}%; height: ${100 / counts[0]}%` });
  pad.onpointerdown = pad.onpointermove = (event) => {
    event.preventDefault();
    if (event.type === "pointerdown") pad.setPointerCapture(event.pointerId);
    if (!event.buttons) return;
    const { left, top, width, height } = pad.getBoundingClientRect();
    const part = [(event.clientY - top) / height, (event.clientX - left) / width];
    ranges.forEach((range, i) => { range.value = Math.floor(part[i] * counts[i]); });
    show();
  };
}
show();

function show() {
  const at = ranges.map((range) => +range.value), said = axes.map(([, values], i) => values[at[i]]);
  ranges.forEach((range, i) => {
    range.nextSibling.textContent = said[i];
    range.setAttribute("aria-valuetext", said[i]);
  });
  large.style.top = `${-100 * at[0]}%`;
  large.style.left = `${-100 * (at[1] ?? 0)}%`;
  large.alt = `${alt}; ${axes.map(([name], i) => `${name} ${said[i]}`).join(", ")}`;
  if (!pad) return;
  pad.lastChild.style.top = `${(100 * at[0]) / counts[0]}%`;
  pad.lastChild.style.left = `${(100 * at[1]) / counts[1]}%`;
}
