/** The rate of the last minutes, as a line. */
import { rateText } from "../../src/cli/status-units.ts";
import { plotPath, SERIES_LENGTH, type TimedSeries } from "./series.ts";

interface RatePlotProps {
  readonly title: string;
  readonly series: TimedSeries | undefined;
  /** Bytes per second at the upper edge. */
  readonly top: number;
  readonly isLarge?: boolean;
}

const WIDTH = 600;

export function RatePlot({ title, series, top, isLarge = false }: RatePlotProps) {
  const height = isLarge ? 90 : 60;
  const newest = series?.samples.at(-1);
  const samples = series?.samples ?? [];
  return (
    <figure class="plot">
      <figcaption>
        <span>{title}</span>
        <span class="muted number">{newest === undefined ? "not known" : rateText(newest)}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}, last ${SERIES_LENGTH / 60} minutes: ${newest === undefined ? "not known" : rateText(newest)} now`}
      >
        <path class="plot-frame" d={`M0 0.5H${WIDTH}M0 ${height / 2}H${WIDTH}M0 ${height - 0.5}H${WIDTH}`} />
        <path class="plot-line" d={plotPath(samples, top, WIDTH, height - 2)} />
      </svg>
      <div class="plot-scale muted" aria-hidden="true">
        <span>{SERIES_LENGTH / 60} min ago</span>
        <span>upper edge {rateText(top)}</span>
        <span>now</span>
      </div>
    </figure>
  );
}
