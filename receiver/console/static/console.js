// Pause, copy, keyboard, relative times. Every page but the live tail works without it.
"use strict";
(() => {
  const announce = (text) => { document.getElementById("announce").textContent = text; };
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

  // Relative times: `data-ago` on a <time> is kept up to date.
  const units = [[86400, "d"], [3600, "h"], [60, "min"]];
  const span = (seconds) => {
    for (const [size, unit] of units) if (seconds >= size) return `${Math.round(seconds / size)} ${unit}`;
    return `${Math.round(seconds)} s`;
  };
  setInterval(() => {
    for (const one of document.querySelectorAll("time[data-ago]")) {
      const seconds = (Date.now() - Date.parse(one.dateTime)) / 1000;
      const text = seconds >= 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
      if (one.textContent !== text) one.textContent = text;
    }
  }, 1000);

  // Numbers that ask for themselves: while nobody answers they are old, and look it.
  const notice = Object.assign(document.createElement("p"), { id: "away", className: "notice bad", role: "alert", textContent: "The console is out of reach. What stands here is the last that it said." });
  const silent = (gone) => {
    document.getElementById("main").classList.toggle("old", gone);
    if (!gone) notice.remove(); else if (!notice.isConnected) document.getElementById("main").prepend(notice);
  };
  // A proxy in front that answers for it says so too: htmx puts no such answer into the page.
  document.addEventListener("htmx:error", () => silent(true));
  document.addEventListener("htmx:after:request", (event) => silent(event.detail.ctx.response.status >= 400));

  // Copy: a button with `data-copy` copies the text of the element with that id.
  for (const one of document.querySelectorAll("[data-copy]")) one.hidden = false;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try { await navigator.clipboard.writeText(source.textContent); announce("Copied."); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(source); announce("Press Ctrl-C to copy."); }
  });

  // A form that was sent is not sent once more while its answer is awaited; a file replaces no page.
  let sent = new WeakMap();
  document.addEventListener("submit", (event) => {
    const form = event.target, is = (name) => form.getAttribute(name) ?? "";
    if (is("method") !== "post" || is("action").startsWith("/export")) return;
    if (Date.now() - sent.get(form) < 10000) event.preventDefault(); else sent.set(form, Date.now());
  });
  window.addEventListener("pageshow", () => { sent = new WeakMap(); });

  // The live tail: rows come as HTML, the newest first; while paused they wait here, none is lost.
  const live = document.getElementById("live");
  if (live) {
    const MOST = 300, WAITING = 5000;
    let most = MOST; // what was kept while paused is shown, all of it
    const state = document.getElementById("live-state"), pause = document.querySelector("[data-pause]");
    let source = null, again = 0, paused = false, waiting = [], skipped = 0, atLeast = "", last = "", away = false;
    const show = (row) => {
      const old = live.querySelector(`tr[data-receipt="${CSS.escape(row.dataset.receipt)}"]`);
      if (old && row.querySelector(".mark").textContent === "kept") return;
      row.classList.add("fresh", ...(old?.classList.contains("here") ? ["here"] : []));
      const at = [...(old?.querySelectorAll("a") ?? [])].indexOf(document.activeElement);
      if (old) old.replaceWith(row); else live.prepend(row);
      row.querySelectorAll("a")[at]?.focus({ preventScroll: true }); // who stands on it stays there
      while (live.rows.length > most) live.rows[live.rows.length - 1].remove();
      document.getElementById("live-empty")?.remove();
    };
    const tell = () => {
      const lost = skipped ? `, ${atLeast}${skipped} skipped` : "";
      const stands = paused ? `paused, ${waiting.length} new` : "live";
      state.textContent = away ? `${stands}: Redis does not answer${lost}` : `${stands}${lost}`;
      state.className = `mark ${away ? "bad" : paused || lost ? "warn" : "good"}`;
    };
    const take = (html) => {
      const box = document.createElement("template");
      box.innerHTML = html;
      for (const row of box.content.querySelectorAll("tr")) {
        if (!paused) { show(row); continue; }
        waiting.push(row);
        if (waiting.length > WAITING) { waiting.shift(); skipped += 1; }
      }
      tell();
    };
    const open = () => {
      const at = new URL(live.dataset.stream, location.href);
      if (last) at.searchParams.set("after", last);
      source = new EventSource(at);
      source.onopen = () => { away = false; tell(); };
      source.onerror = () => {
        state.textContent = "the connection is gone, trying again";
        state.className = "mark bad";
        // An answer that is no stream ends it for good: Redis was gone, too many watched, nobody is signed in any more.
        if (source.readyState === EventSource.CLOSED) { state.textContent += "; signed out? then reload"; clearTimeout(again); again = setTimeout(() => { if (source?.readyState === EventSource.CLOSED) open(); }, 5000); }
      };
      source.onmessage = (event) => { last = event.lastEventId; take(event.data); };
      source.addEventListener("away", (event) => { away = event.data === "1"; tell(); });
      source.addEventListener("skipped", (event) => {
        skipped += Number.parseInt(event.data, 10);
        if (event.data.endsWith("or more")) atLeast = "at least ";
        tell();
      });
    };
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.textContent = paused ? "Resume" : "Pause";
      pause.setAttribute("aria-pressed", String(paused));
      if (!paused) { most = Math.max(MOST, waiting.length); for (const row of waiting) show(row); waiting = []; }
      tell();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) { source?.close(); source = null; } else if (!source) open();
    });
    open();
  }

  // On a narrow screen the pages' names scroll: the current one is to be seen.
  const current = document.querySelector(".top nav [aria-current]");
  if (current) current.parentElement.scrollLeft = current.offsetLeft - current.parentElement.offsetLeft - 48;
  const help = document.querySelector("[data-keys]");
  if (help) { help.hidden = false; help.addEventListener("click", () => document.getElementById("keys").showModal()); }

  // Keyboard: / search, j k Enter rows, g and a letter for a page, ? help.
  let going = false;
  const rows = () => [...document.querySelectorAll(".rows tbody tr")].filter((row) => row.getClientRects().length);
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.classList.contains("here"));
    const next = Math.min(all.length - 1, Math.max(0, at + step));
    all[at]?.classList.remove("here");
    all[next].classList.add("here");
    all[next].scrollIntoView({ block: "nearest" });
    announce(all[next].innerText.replace(/\s+/g, " ").slice(0, 200));
  };
  document.addEventListener("keydown", (event) => {
    if (typing(event.target) || document.getElementById("keys").open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (going) { going = false; document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`)?.click(); return; }
    switch (event.key) {
      case "g": going = true; setTimeout(() => { going = false; }, 1500); break;
      case "/": event.preventDefault(); location.assign("/search"); break;
      case "?": document.getElementById("keys").showModal(); break;
      case "j": move(1); break;
      case "k": move(-1); break;
      case "Enter": if (!event.target.closest("a, button, summary")?.getClientRects().length) document.querySelector(".rows tr.here a")?.click(); break;
      case " ": {
        const pause = document.querySelector("[data-pause]");
        if (pause && event.target.tagName !== "BUTTON") { event.preventDefault(); pause.click(); }
      }
    }
  });
})();
