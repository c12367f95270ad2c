// A picture of photograph.py as it comes: the bytes of an image file, and a link that saves them.

function render({ model, el }) {
  const make = (tag, parent, properties = {}) => parent.appendChild(Object.assign(document.createElement(tag), properties));
  const figure = make("figure", el, { className: "course-photograph" });
  const caption = model.get("caption"), image = make("img", figure, { alt: caption });
  make("figcaption", figure, { textContent: caption });
  const link = make("a", figure);

  function show() {
    if (image.src) URL.revokeObjectURL(image.src);
    const bytes = model.get("picture");
    image.hidden = !bytes?.byteLength;
    link.hidden = image.hidden || !model.get("file");
    if (image.hidden) return image.removeAttribute("src");
    image.src = URL.createObjectURL(new Blob([bytes]));
    const file = model.get("file"), text = `Save as ${file.split(".").pop() === "webp" ? "WebP" : "PNG"}`;
    Object.assign(link, { href: image.src, download: file, textContent: text });
    link.setAttribute("aria-label", `${text}: ${caption}`);
  }

  const wait = () => figure.classList.toggle("course-busy", model.get("busy"));
  model.on("change:picture", show);
  model.on("change:busy", wait);
  show();
  wait();
  model.set("seen", true); // then its first picture is made
  model.save_changes();
  return () => {
    if (image.src) URL.revokeObjectURL(image.src);
    model.off("change:picture", show);
    model.off("change:busy", wait);
  };
}

export default { render };
