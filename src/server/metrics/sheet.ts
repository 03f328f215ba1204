/** The figures of one scrape, and their text in Prometheus' exposition format 0.0.4. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { HistogramSnapshot } from "../histogram.ts";
import { type Definition, METRICS, type MetricName } from "./definitions.ts";

type NameOf<T extends Definition["type"]> = {
  [N in MetricName]: (typeof METRICS)[N]["type"] extends T ? N : never;
}[MetricName];
export type FigureName = NameOf<"counter" | "gauge">;
export type HistogramName = NameOf<"histogram">;

/** All that the metric has, by name; an empty one is as good as none. */
export type Labels = Readonly<Record<string, string>>;

interface Sample<T> {
  readonly labels: Labels;
  readonly value: T;
}

export const CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** A metric that is not on it was not told: Prometheus takes that as "there is none here". */
export class Sheet {
  private readonly figures = new Map<MetricName, Sample<number>[]>();
  private readonly histograms = new Map<MetricName, Sample<HistogramSnapshot>[]>();

  put(name: FigureName, labels: Labels, value: number): void {
    append(this.figures, name, { labels, value });
  }

  /** One for each of `all`: 1 for that which is so, 0 for the others. */
  putState(name: FigureName, all: readonly string[], state: string): void {
    for (const each of all) this.put(name, { state: each }, flag(each === state));
  }

  putHistogram(name: HistogramName, labels: Labels, value: HistogramSnapshot): void {
    append(this.histograms, name, { labels, value });
  }

  /** In the order of the definitions. */
  text(): Promise<string> {
    const registry = new Registry();
    for (const [name, definition] of Object.entries(METRICS) as [MetricName, Definition][]) {
      const about = { name, help: definition.help, labelNames: [...definition.labels], registers: [registry] };
      const figures = this.figures.get(name);
      const histograms = this.histograms.get(name);
      if (figures) fill(definition.type, about, figures);
      if (histograms) new GivenHistogram(about, histograms);
    }
    return registry.metrics();
  }
}

export function flag(isSo: boolean): number {
  return isSo ? 1 : 0;
}

function append<T>(samples: Map<MetricName, Sample<T>[]>, name: MetricName, { labels, value }: Sample<T>): void {
  const shown = Object.fromEntries(Object.entries(labels).filter(([, text]) => text !== ""));
  const known = samples.get(name) ?? [];
  samples.set(name, [...known, { labels: shown, value }]);
}

interface About {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
}

function fill(type: Definition["type"], about: About, samples: readonly Sample<number>[]): void {
  const metric = type === "counter" ? new Counter(about) : new Gauge(about);
  for (const { labels, value } of samples) metric.inc(labels, value);
}

/** prom-client counts by itself and cannot be given counts: this one tells those that it was given. */
class GivenHistogram extends Histogram {
  private readonly about: About;
  private readonly samples: readonly Sample<HistogramSnapshot>[];

  constructor(about: About, samples: readonly Sample<HistogramSnapshot>[]) {
    super(about);
    this.about = about;
    this.samples = samples;
  }

  /** What a Registry asks for its text. */
  async getForPromString() {
    const { name, help } = this.about;
    return { name, help, type: "histogram", values: this.samples.flatMap((sample) => linesOf(name, sample)) };
  }
}

function linesOf(name: string, { labels, value }: Sample<HistogramSnapshot>) {
  const { bounds, counts, count, sum } = value;
  const buckets = [
    ...bounds.map((bound, place) => [String(bound), counts[place] ?? 0] as const),
    ["+Inf", count] as const,
  ];
  return [
    ...buckets.map(([le, value]) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value })),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
