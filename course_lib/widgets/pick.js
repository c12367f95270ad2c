// Pictures to choose from. They are radio buttons, so that keys and screen readers find what they know.

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
    show();
  }

  const show = () => inputs.forEach((input, i) => (input.checked = i === model.get("value")));
  model.on("change:options", offer);
  model.on("change:value", show);
  offer();
}

export default { render };
