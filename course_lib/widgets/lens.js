// Over the picture of the lens, the pointer or the arrow keys choose a cell of D's map; lens.py draws it.

function render({ model, el }) {
  const image = el.appendChild(document.createElement("img"));
  image.tabIndex = 0;
  image.style.maxWidth = "100%";
  image.dataset.lmSuppressShortcuts = "true"; // JupyterLab would move to another cell at an arrow key
  let drawing = false; // of a cell that the kernel was told: pointers are faster than kernels
  let latest = null;

  function choose(row, col) {
    const [rows, cols] = model.get("grid");
    latest = [Math.min(Math.max(row, 0), rows - 1), Math.min(Math.max(col, 0), cols - 1)];
    tell();
  }

  function tell() {
    const now = model.get("cell");
    if (drawing || !latest || (latest[0] === now[0] && latest[1] === now[1])) return;
    drawing = true;
    setTimeout(() => (drawing = false), 3000); // if the kernel failed, the next movement may try again
    model.set("cell", latest);
    model.save_changes();
  }

  image.addEventListener("pointermove", (event) => {
    const box = image.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    const place = model.get("places").find(([left, top, w, h]) => x >= left && x <= left + w && y >= top && y <= top + h);
    if (!place) return;
    const [, , start, stride] = model.get("grid");
    const at = (share) => Math.floor((share - start) / stride);
    choose(at((y - place[1]) / place[3]), at((x - place[0]) / place[2]));
  });
  image.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const [row, col] = model.get("cell");
    choose(row + move[0], col + move[1]);
  });

  function show() {
    if (image.src) URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
    image.alt = `${model.get("alt")}; arrow keys move the patch`;
    drawing = false;
    tell();
  }
  model.on("change:png", show);
  model.on("change:alt", () => (image.alt = `${model.get("alt")}; arrow keys move the patch`));
  show();
}

export default { render };
