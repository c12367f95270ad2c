// Pictures to choose from. They are radio buttons, so that keys and screen readers find what they know.

const LARGE = 4e6; // bytes of a file; larger ones are made smaller before they are sent
const SIDE = 2048; // longer side of those, in pixels

async function bytesOf(file) {
  if (file.size <= LARGE) return file.arrayBuffer();
  const bitmap = await createImageBitmap(file), scale = SIDE / Math.max(bitmap.width, bitmap.height, SIDE);
  const small = document.createElement("canvas");
  [small.width, small.height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  small.getContext("2d").drawImage(bitmap, 0, 0, small.width, small.height);
  return (await new Promise((done) => small.toBlob(done, "image/jpeg", 0.95))).arrayBuffer();
}

function render({ model, el }) {
  const make = (tag, parent, properties = {}) => parent.appendChild(Object.assign(document.createElement(tag), properties));
  const group = make("fieldset", el, { className: "course-pick" }), name = `pick-${Math.random()}`;
  let inputs = [];

  function offer() {
    group.replaceChildren();
    if (model.get("description")) make("legend", group, { textContent: model.get("description") });
    inputs = model.get("options").map(([caption, image], i) => {
      const label = make("label", group, { title: caption }), input = make("input", label, { type: "radio", name });
      make("img", label, { src: image, alt: caption, draggable: false });
      input.dataset.lmSuppressShortcuts = "true"; // JupyterLab would move to another cell at an arrow key
      input.addEventListener("change", () => {
        model.set("value", i);
        model.save_changes();
      });
      return input;
    });
    if (model.get("own")) offerOwn();
    show();
  }

  function offerOwn() {
    const label = make("label", group, { className: "own" }), input = make("input", label, { type: "file", accept: "image/*" });
    label.append(model.get("own"));
    input.addEventListener("change", async () => {
      const [file] = input.files;
      if (!file) return;
      const content = await bytesOf(file).catch(() => file.slice(0, LARGE).arrayBuffer()); // no image: the kernel says so
      input.value = ""; // so that the same file can be chosen again
      model.send({}, undefined, [content]);
    });
  }

  const show = () => inputs.forEach((input, i) => (input.checked = i === model.get("value")));
  model.on("change:options", offer);
  model.on("change:value", show);
  offer();
}

export default { render };
