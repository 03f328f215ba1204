/** What only a browser has: time, storage, the theme. */
import type { Clock } from "../../src/base/clock.ts";

export const browserClock: Clock = {
  now: () => Date.now(),
  after(ms, task) {
    const handle = setTimeout(task, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const THEME_KEY = "everboot-theme";

/** Storage may be forbidden: then a choice holds until the page is left. */
export function storedTheme(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(THEME_KEY)) ?? "auto";
  } catch {
    return "auto";
  }
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    // See storedTheme.
  }
}

/**
 * Hands a duration to whoever observes the page's measures (User Timing Level 3), and keeps none: a dashboard stays open
 * for weeks.
 */
export function measure(name: string, started: number): void {
  performance.measure(name, { start: started });
  performance.clearMeasures(name);
}
