// Stop: what was found stays, with how far it was looked and a button to go on. Other scripts wait for
// the end of the page, and this page ends when the search does.
"use strict";
(() => {
  const button = () => document.querySelector("[data-stop]");
  const ended = () => document.querySelector("[data-ended]") !== null;
  const watch = setInterval(() => {
    if (button()) button().hidden = ended();
    if (ended()) clearInterval(watch);
  }, 100);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-stop]")) return;
    window.stop();
    clearInterval(watch);
    button().hidden = true;
    document.documentElement.dataset.stopped = "";
    setTimeout(() => { // what had come already is shown by then, and may end within a row
      const last = [...document.querySelectorAll(".progress")].filter((row) => row.querySelector("button")).pop();
      for (const row of document.querySelectorAll(".progress")) if (row !== last) row.remove();
      last?.parentElement.append(last);
      last?.querySelector("button").focus();
    }, 100);
  });
})();
