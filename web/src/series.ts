/** Rates over the last minutes, one sample a second. Pure. */

/** Seconds. */
export const SERIES_LENGTH = 300;

/** The newest last; `undefined` = nothing was heard, which is not the same as no traffic. */
export type Series = readonly (number | undefined)[];

export interface TimedSeries {
  /** Second (since 1970) of the newest sample. */
  readonly second: number;
  readonly samples: Series;
}

/** Seconds in which nothing came stay empty; a second sample for the same second takes the first one's place. */
export function addSample(series: TimedSeries | undefined, at: number, value: number | undefined): TimedSeries {
  const second = Math.floor(at / 1000);
  if (series === undefined) return { second, samples: [value] };
  const missed = second - series.second;
  if (missed <= 0) return { ...series, samples: [...series.samples.slice(0, -1), value] };
  const gap: Series = new Array<undefined>(Math.min(missed - 1, SERIES_LENGTH)).fill(undefined);
  return { second, samples: [...series.samples, ...gap, value].slice(-SERIES_LENGTH) };
}

/** The samples as lines of an SVG path, in a box of this size, the newest at its right edge; each gap begins a new line. */
export function plotPath(samples: Series, most: number, width: number, height: number): string {
  const step = width / (SERIES_LENGTH - 1);
  const start = width - (samples.length - 1) * step;
  let isDown = false;
  return samples
    .flatMap((value, place) => {
      const command = isDown ? "L" : "M";
      isDown = value !== undefined;
      if (value === undefined) return [];
      const share = most > 0 ? Math.min(1, value / most) : 0;
      return [`${command}${round(start + place * step)} ${round(height - share * height)}`];
    })
    .join("");
}

/** The top of a plot: the least 1, 2 or 5 times a power of ten (of MiB) that is above all samples. */
export function plotTop(series: readonly Series[]): number {
  const most = series.flat().reduce<number>((top, value) => Math.max(top, value ?? 0), 0) / 2 ** 20;
  if (most <= 0.1) return 0.1 * 2 ** 20;
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 5, 10].find((each) => each * power >= most) ?? 10;
  return step * power * 2 ** 20;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
