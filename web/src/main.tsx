/** Starts the dashboard. */
import { options, render } from "preact";
import { App } from "./app.tsx";
import { applyTheme, measure, storedTheme } from "./browser.ts";

applyTheme(storedTheme());

// What changes within one frame is drawn once.
options.debounceRendering = (draw) => {
  requestAnimationFrame(() => {
    const started = performance.now();
    draw();
    measure("everboot-draw", started);
  });
};

const root = document.getElementById("app");
if (root) render(<App />, root);
