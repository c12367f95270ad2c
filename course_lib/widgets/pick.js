// Pictures to choose from. They are radio buttons, so that keys and screen readers find what they know.
// One's own comes from a file, chosen or dropped, or from the camera; its bytes go to the kernel as a message.

const LARGE = 4e6; // bytes of a file; larger ones are made smaller before they are sent
const FILMS = /[.](gif|webp|mp4|m4v|mov)$/i, LONG = 8e6; // names of what may be films, and their bytes; the kernel's door is not much wider
const SIDE = 2048, FILM = 480; // longer side of those, and of a film of the camera, in pixels, as in show.py
const FRAMES = 32, PACE = 100; // of a film of the camera: its frames at most, as in show.py, and ms from one to the next
const OWN = "Choose a file of yours instead.";
const HEAVY = "The browser cannot read this file, and it has more than 4 MB. Reduce it, or choose a JPEG, PNG or WebP file.";
const TOO_LONG = "The page takes films of at most 8 MB. Shorten it, or give it to: course translate";
const FIRST = `If this is a film, you see its first picture only. ${TOO_LONG}`;
const FOLDER = "A folder cannot be read here. Give one image."; // or a file that has gone
const REFUSED = { // by the name of the browser's error
  NotAllowedError: `The camera was refused. ${OWN} (The browser's settings for this page allow it again.)`,
  NotFoundError: `No camera was found. ${OWN}`,
  NotReadableError: `Another program uses the camera. End it and try again. Or: ${OWN.toLowerCase()}`,
};

async function bytesOf(file, film) {
  if (file.size <= (film ? LONG : LARGE)) return file.arrayBuffer();
  const bitmap = await createImageBitmap(file);
  return still(bitmap, bitmap.width, bitmap.height);
}

// JPEG of an image or a video, at most so large
async function still(source, width, height, most = SIDE) {
  const sides = [width, height], scale = most / Math.max(...sides, most), small = document.createElement("canvas");
  [small.width, small.height] = sides.map((side) => Math.max(1, Math.round(side * scale)));
  const ink = small.getContext("2d");
  ink.fillStyle = "#fff"; // under what is transparent
  ink.fillRect(0, 0, small.width, small.height);
  ink.drawImage(source, 0, 0, small.width, small.height);
  return (await new Promise((done) => small.toBlob(done, "image/jpeg", 0.95))).arrayBuffer();
}

function render({ model, el }) {
  const make = (tag, parent, properties = {}) => parent.appendChild(Object.assign(document.createElement(tag), properties));
  const group = make("fieldset", el, { className: "course-pick" }), name = `pick-${Math.random()}`;
  const studio = make("div", el, { className: "course-camera", hidden: true }); // the live picture
  const said = make("p", el, { className: "course-said", hidden: true });
  said.setAttribute("role", "alert");
  let inputs = [];

  function offer() {
    group.replaceChildren();
    if (model.get("description")) make("legend", group, { textContent: model.get("description") });
    inputs = model.get("options").map(([caption, image], i) => {
      const label = make("label", group, { title: caption }), input = make("input", label, { type: "radio", name });
      make("img", label, { src: image, alt: caption, draggable: false });
      input.dataset.lmSuppressShortcuts = "true"; // JupyterLab would move to another cell at an arrow key
      input.addEventListener("change", () => {
        say("");
        model.set("value", i);
        model.save_changes();
      });
      return input;
    });
    if (model.get("own")) offerOwn();
    if (model.get("camera")) offerCamera();
    show();
  }

  function say(text) {
    said.textContent = text;
    said.hidden = !text;
  }

  async function send(file) {
    say("");
    const film = model.get("films") && FILMS.test(file.name);
    const content = await bytesOf(file, film).catch(() => say(film && file.size > LONG ? TOO_LONG : file.size > LARGE ? HEAVY : FOLDER));
    if (!content) return;
    model.send({ name: file.name }, undefined, [content]);
    if (film && file.size > LONG) say(FIRST);
  }

  function fileInput(parent, properties = {}) {
    const accept = model.get("films") && !properties.hidden ? "image/*,.mp4,.m4v,.mov" : "image/*";
    const input = make("input", parent, { type: "file", accept, ...properties });
    input.addEventListener("change", () => {
      const [file] = input.files;
      if (file) send(file).finally(() => (input.value = "")); // so that the same file can be chosen again
    });
    return input;
  }

  function offerOwn() {
    const label = make("label", group, { className: "own", title: "or drop a file here" });
    fileInput(label);
    label.append(model.get("own"));
  }

  // ---- a file that is dropped
  const area = () => el.closest(".course-drop") ?? group;
  const lit = (on) => area().classList.toggle("course-over", on);
  function drag(event) {
    const over = model.get("own") && area().contains(event.target) && event.dataTransfer?.types.includes("Files");
    lit(over && event.type === "dragover");
    if (!over) return;
    event.preventDefault(); // else the browser would leave this page and show the file
    event.stopPropagation();
    const [file] = event.dataTransfer.files;
    if (event.type === "drop" && file) send(file);
  }
  const leave = (event) => event.relatedTarget ?? lit(false); // the window
  const heard = { dragover: drag, drop: drag, dragleave: leave };
  for (const [kind, act] of Object.entries(heard)) document.addEventListener(kind, act, true);

  // ---- the camera
  let stream = null;
  function close() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    studio.hidden = true;
    studio.replaceChildren();
  }

  function offerCamera() {
    const button = make("button", group, { type: "button", className: "own", textContent: model.get("camera") });
    const phone = fileInput(group, { hidden: true }); // where the page may not film, a phone's own camera program may
    phone.setAttribute("capture", "environment");
    button.addEventListener("click", async () => {
      say("");
      if (!navigator.mediaDevices?.getUserMedia) {
        if (matchMedia("(pointer: coarse)").matches) return phone.click();
        return say(`Browsers give the camera to pages on https and on this machine only. ${OWN}`);
      }
      button.disabled = true;
      try {
        close();
        const wanted = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } };
        await film(await navigator.mediaDevices.getUserMedia({ video: wanted }));
      } catch (error) {
        close();
        say(REFUSED[error.name] ?? `The camera does not start (${error.message}). ${OWN}`);
      }
      button.disabled = false;
    });
  }

  async function film(opened) {
    stream = opened;
    if (!el.isConnected) return close(); // it was asked for, and the page went on
    const video = make("video", studio, { autoplay: true, muted: true, playsInline: true, srcObject: stream });
    video.setAttribute("aria-label", "what the camera sees");
    const take = make("button", studio, { type: "button", textContent: "Take the picture", disabled: true });
    const roll = make("button", studio, { type: "button", textContent: "Record a film", disabled: true, hidden: !model.get("films") });
    const leave = make("button", studio, { type: "button", textContent: "Close the camera" });
    for (const one of [take, roll, leave]) one.dataset.lmSuppressShortcuts = "true";
    leave.addEventListener("click", close);
    take.addEventListener("click", async () => {
      const content = await still(video, video.videoWidth, video.videoHeight);
      close();
      model.send({}, undefined, [content]);
    });
    roll.addEventListener("click", () => record(video, roll, take), { once: true });
    stream.getVideoTracks()[0].addEventListener("ended", () => {
      close();
      say(`The camera has stopped. ${OWN}`);
    });
    studio.hidden = false;
    await video.play().catch(() => {}); // it was closed meanwhile
    if (stream !== opened) return;
    take.disabled = roll.disabled = false;
    take.focus();
  }

  async function record(video, roll, take) { // until the button is pressed again
    const opened = stream, frames = [], since = performance.now();
    let goes = take.disabled = true;
    roll.addEventListener("click", () => (goes = false));
    while (goes && frames.length < FRAMES && stream === opened) {
      roll.textContent = `Stop: ${frames.length + 1} of ${FRAMES} pictures`;
      frames.push(await still(video, video.videoWidth, video.videoHeight, FILM));
      await new Promise((next) => setTimeout(next, since + PACE * frames.length - performance.now()));
    }
    if (stream !== opened) return; // closed meanwhile
    const lasts = (performance.now() - since) / frames.length;
    close();
    model.send({ name: "camera.jpg", lasts }, undefined, frames);
  }

  const show = () => inputs.forEach((input, i) => (input.checked = i === model.get("value")));
  model.on("change:options", offer);
  model.on("change:value", show);
  offer();
  return () => {
    close();
    for (const [kind, act] of Object.entries(heard)) document.removeEventListener(kind, act, true);
    model.off("change:options", offer);
    model.off("change:value", show);
  };
}

export default { render };
