/** Figures as a Markdown table and as a plot. Pure. */
import type { Figure } from "./figures.ts";
import type { Bench, Unit } from "./types.ts";

/** A table of all cases; the processor's time is given in the case's unit. */
export function markdownTable<Facts>(bench: Bench<Facts>, figures: readonly Figure[]): string {
  const hasTimes = figures.some(({ p50 }) => p50 !== undefined);
  const heads = ["case", "server", "rate [worst..best round]", "processor", ...(hasTimes ? ["p50 ms", "p99 ms"] : [])];
  const units = new Map(bench.cases.map(({ name, unit }) => [name, unit]));
  const rows = figures.map((figure) => {
    const unit = units.get(figure.case) ?? { rate: "", name: "", scale: 1 };
    const times = hasTimes ? [shown(figure.p50), shown(figure.p99)] : [];
    return [figure.case, figure.contender, rateText(figure, unit), cpuText(figure, unit), ...times, ...against(figure)];
  });
  const all = [...heads, "rate to baseline", "worst round", "processor to baseline"];
  return [all, all.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function rateText({ rate, failed }: Figure, unit: Unit): string {
  const lost = failed > 0 ? `, ${failed} FAILED` : "";
  return `${shown(rate.median)} [${shown(rate.least)}..${shown(rate.most)}] ${unit.rate}${lost}`;
}

/** Seconds for each unit of the table, or microseconds where that is less than a thousandth. */
function cpuText({ cpu }: Figure, unit: Unit): string {
  const seconds = (cpu.median * unit.scale) / 1e6;
  return seconds < 0.001 ? `${shown(seconds * 1e6)} us/${unit.name}` : `${shown(seconds)} s/${unit.name}`;
}

function against({ baseline }: Figure): string[] {
  if (!baseline) return ["", "", ""];
  const { rate, worstRate, cpu } = baseline;
  return [`${rate.toFixed(2)}x ${baseline.contender}`, `${worstRate.toFixed(2)}x`, `${cpu.toFixed(2)}x`];
}

/** Three digits that count; whole numbers from a hundred on. */
export function shown(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "-";
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

const [WIDTH, BAR, GAP, LEFT, RIGHT] = [820, 16, 4, 250, 130];
const COLORS = ["#2563eb", "#94a3b8", "#f59e0b", "#10b981", "#a855f7", "#64748b"];

/** A bar for each figure, as long as its rate is within its case; SVG 1.1, to be read on white. */
export function barPlot<Facts>(bench: Bench<Facts>, figures: readonly Figure[]): string {
  const names = bench.contenders.map(({ name }) => name);
  const units = new Map(bench.cases.map(({ name, unit }) => [name, unit.rate]));
  const most = new Map<string, number>();
  for (const { case: name, rate } of figures) most.set(name, Math.max(most.get(name) ?? 0, rate.most));
  const room = WIDTH - LEFT - RIGHT;
  const bars = figures.map((figure, row) => {
    const length = (value: number) => ((value / (most.get(figure.case) || 1)) * room).toFixed(1);
    const top = GAP + row * (BAR + GAP);
    const [middle, color] = [top + BAR - GAP, COLORS[names.indexOf(figure.contender) % COLORS.length] ?? "#64748b"];
    const { median, least, most: best } = figure.rate;
    const [from, to] = [LEFT + Number(length(least)), LEFT + Number(length(best))];
    return [
      `<text x="${LEFT - 6}" y="${middle}" text-anchor="end">${escaped(`${figure.case} ${figure.contender}`)}</text>`,
      `<rect x="${LEFT}" y="${top}" width="${length(median)}" height="${BAR}" fill="${color}"/>`,
      `<path d="M${from} ${top + BAR / 2}H${to}" stroke="#111827"/>`,
      `<text x="${to + 6}" y="${middle}">${shown(median)} ${escaped(units.get(figure.case) ?? "")}</text>`,
    ].join("\n");
  });
  const height = GAP + figures.length * (BAR + GAP);
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`;
  return [open, `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`, ...bars, "</svg>", ""].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
