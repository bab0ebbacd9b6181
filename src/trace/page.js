// Steps through the events of the list: what has not happened yet lies behind a veil.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const steps = [...document.querySelectorAll("li[data-share]")];
  if (steps.length === 0) return;
  const [now, scrub, play] = [byId("now"), byId("scrub"), byId("play")];
  // The drawing leaves this share of its width free at the right.
  const WIDTH = 0.97;
  const STEP_MS = 700;
  let at = 0;
  let timer = null;

  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  const show = (step) => {
    steps[at].classList.remove("now");
    at = Math.max(0, Math.min(steps.length - 1, step));
    steps[at].classList.add("now");
    now.hidden = false;
    now.style.left = `${100 * WIDTH * Number(steps[at].dataset.share)}%`;
    scrub.value = String(at);
    const [time, text] = steps[at].children;
    byId("what").textContent = `${at + 1} of ${steps.length}, at ${time.textContent}: ${text.textContent}`;
  };
  const showAll = () => {
    stop();
    now.hidden = true;
    steps[at].classList.remove("now");
    byId("what").textContent = "All events.";
  };

  byId("controls").hidden = false;
  document.querySelector("details").open = false;
  scrub.max = String(steps.length - 1);
  byId("back").addEventListener("click", () => { stop(); show(at - 1); });
  byId("next").addEventListener("click", () => { stop(); show(now.hidden ? 0 : at + 1); });
  byId("all").addEventListener("click", showAll);
  scrub.addEventListener("input", () => { stop(); show(Number(scrub.value)); });
  play.addEventListener("click", () => {
    if (timer !== null) return stop();
    play.textContent = "Pause";
    if (now.hidden || at === steps.length - 1) show(0);
    timer = setInterval(() => (at === steps.length - 1 ? stop() : show(at + 1)), STEP_MS);
  });

  // Nothing moves by itself where the reader does not want it; the steps remain.
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const follow = () => { if (still.matches) stop(); play.hidden = still.matches; };
  still.addEventListener("change", follow);
  follow();
  showAll();
})();
