"use strict";
// A plain script, so that a page opened as a file can still say what is wrong. The page is in start.js.
(() => {
  function fail(error) {
    document.getElementById("alert").textContent = `Something went wrong: ${error?.message ?? error}`;
    document.getElementById("alert").hidden = false;
    document.body.classList.add("failed");
  }
  window.addEventListener("error", (event) => fail(event.error ?? event.message));
  window.addEventListener("unhandledrejection", (event) => fail(event.reason));
  if (location.protocol === "file:") fail("open this page from a web server: python -m http.server");
  else import("./start.js");
})();
