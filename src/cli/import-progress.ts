/** How far an import is: a bar on a terminal, else a line now and then. */
import type { Clock } from "../base/clock.ts";
import type { ImportProgress, ImportStep } from "../content/import.ts";
import type { Io } from "./command.ts";
import { barText } from "./status-progress.ts";
import { bytesText, countText } from "./status-units.ts";

const STEPS: Readonly<Record<ImportStep, string>> = {
  download: "downloading",
  check: "checking",
  unpack: "unpacking",
  keep: "keeping the old",
  take: "taking in",
};

/** Milliseconds between two lines, and between two bars. */
const LINE_EVERY = 2_000;
const BAR_EVERY = 100;
const BAR_WIDTH = 30;
/** To the line's start, and what stands there cleared (ECMA-48). */
const CLEAR_LINE = "\r\u001b[K";

/** `taking in: 12.0 MiB of 1.2 GiB`; of files: `unpacking: 120 of 4000 files`. */
export function progressLine({ step, done, total, unit }: ImportProgress): string {
  const amount = (count: number) => (unit === "bytes" ? bytesText(count) : countText(count, "file"));
  const reached = total !== undefined && unit === "files" ? String(done) : amount(done);
  return `${STEPS[step]}: ${reached}${total === undefined ? "" : ` of ${amount(total)}`}`;
}

/** `[#####.....] 52 %  taking in: ...`, cut to the terminal's width; without a bar when the total is not known. */
export function progressBar(progress: ImportProgress, columns: number): string {
  const { done, total } = progress;
  const fraction = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
  const bar = fraction === undefined ? "" : `${barText(fraction, BAR_WIDTH)} ${Math.floor(fraction * 100)} %  `;
  return (bar + progressLine(progress)).slice(0, Math.max(0, columns - 1));
}

export interface ProgressTeller {
  readonly tell: (progress: ImportProgress) => void;
  /** Clears the bar, if there is one. */
  end(): void;
}

export function createProgressTeller(
  io: Pick<Io, "err" | "write" | "terminal" | "columns">,
  clock: Clock,
): ProgressTeller {
  const every = io.terminal ? BAR_EVERY : LINE_EVERY;
  let last = clock.now();
  let isDrawn = false;
  return {
    tell: (progress) => {
      if (clock.now() - last < every) return;
      last = clock.now();
      if (!io.terminal) return io.err(progressLine(progress));
      io.write(CLEAR_LINE + progressBar(progress, io.columns));
      isDrawn = true;
    },
    end: () => {
      if (isDrawn) io.write(CLEAR_LINE);
    },
  };
}
