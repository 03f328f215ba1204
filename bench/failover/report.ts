/** The results as tables of Markdown. */
import { FAULTS, type Fault, replayOf, STAGES, type Stage } from "./plan.ts";
import type { IdleLoad, Outcome, Results } from "./results.ts";

/** Plain curl and wget are to go on within it. */
const DOWNLOAD_AIM_MS = 3000;

const BEGIN = "<!-- begin of what `./everboot bench failover --report` writes -->";
const END = "<!-- end of it -->";

/** The document with its tables made anew; throws when it has no place for them. */
export function withTables(document: string, results: Results): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error("the document has no place for the tables");
  return `${before}${BEGIN}\n\n${renderTables(results)}\n\n${END}${after}`;
}

export function renderTables({ outcomes, idleLoads }: Results): string {
  const ours = outcomes.filter(({ arrangement }) => arrangement === "everboot");
  return [
    summary(ours),
    "### By fault",
    faultTable(ours),
    "### By fault and stage",
    "Time until the client went on, worst of the cell in milliseconds, and its runs.",
    matrix(ours),
    "### Plain clients in mid-file",
    clientTable(ours),
    "### The papers' arrangement",
    papersTable(outcomes),
    "### Full load, nothing broken",
    idleTable(idleLoads),
    "### What failed",
    failures(outcomes),
  ].join("\n\n");
}

function summary(outcomes: readonly Outcome[]): string {
  if (outcomes.length === 0) return "Not run yet.";
  const failed = outcomes.filter(isFailed).length;
  const sizes = [...new Set(outcomes.map(({ servers }) => servers))].sort();
  const seeds = [...new Set(outcomes.map(({ seed }) => seed))].sort((a, b) => a - b);
  return `${outcomes.length} runs with ${sizes.join(" and ")} servers, seed ${seeds.join(", ")}: ${failed} clients failed.`;
}

function faultTable(outcomes: readonly Outcome[]): string {
  const rows = FAULTS.map((fault) => [fault, outcomes.filter((outcome) => outcome.fault === fault)] as const)
    .filter(([, found]) => found.length > 0)
    .map(([fault, found]) => {
      const address = found.flatMap(({ addressMs }) => addressMs ?? []);
      const pauses = found.filter((outcome) => !isFailed(outcome)).map(({ pauseMs }) => pauseMs);
      return [fault, found.length, found.filter(isFailed).length, ...spread(address), ...spread(pauses)];
    });
  const of = ["p50", "p99", "worst"];
  const heads = [
    "fault",
    "runs",
    "failed",
    ...of.map((each) => `address ${each}`),
    ...of.map((each) => `client ${each}`),
  ];
  return table(heads, rows);
}

function matrix(outcomes: readonly Outcome[]): string {
  const cell = (fault: Fault, stage: Stage) => {
    const found = outcomes.filter((outcome) => outcome.fault === fault && outcome.stage === stage);
    if (found.length === 0) return "";
    const failed = found.filter(isFailed).length;
    const worst = Math.max(...found.map(({ pauseMs }) => pauseMs));
    return `${worst} (${found.length}${failed > 0 ? `, **${failed} failed**` : ""})`;
  };
  const known = FAULTS.filter((fault) => outcomes.some((outcome) => outcome.fault === fault));
  return table(
    ["fault", ...STAGES],
    known.map((fault) => [fault, ...STAGES.map((stage) => cell(fault, stage))]),
  );
}

const DOWNLOADS: ReadonlySet<Stage> = new Set(["kernel", "initrd", "packages"]);

function clientTable(outcomes: readonly Outcome[]): string {
  const rows = ["curl", "wget"].map((client) => {
    const found = outcomes.filter((outcome) => outcome.client === client && DOWNLOADS.has(outcome.stage));
    const late = found.filter((outcome) => isFailed(outcome) || outcome.pauseMs > DOWNLOAD_AIM_MS).length;
    const command = client === "curl" ? "`curl --retry 30 --retry-all-errors -C -`" : "`wget -c`";
    return [command, found.length, ...spread(found.map(({ pauseMs }) => pauseMs)), late];
  });
  return table(["client", "runs", "p50", "p99", "worst", `failed or over ${DOWNLOAD_AIM_MS}`], rows);
}

function papersTable(outcomes: readonly Outcome[]): string {
  const isAlike = ({ fault, stage }: Outcome) => stage === "packages" && (fault === "kill-server" || fault === "cut");
  const rows = (["everboot", "papers"] as const).flatMap((arrangement) =>
    (["kill-server", "cut"] as const).map((fault) => {
      const found = outcomes.filter(
        (each) => isAlike(each) && each.arrangement === arrangement && each.fault === fault,
      );
      const well = found.filter((each) => !isFailed(each)).map(({ pauseMs }) => pauseMs);
      return [arrangement, fault, found.length, found.length - well.length, ...spread(well)];
    }),
  );
  return table(["arrangement", "fault", "runs", "failed", "p50", "p99", "worst"], rows);
}

function idleTable(loads: readonly IdleLoad[]): string {
  return table(
    ["servers", "minutes", "addresses that moved"],
    loads.map(({ servers, idleLoadMinutes, moves }) => [servers, idleLoadMinutes, moves]),
  );
}

function failures(outcomes: readonly Outcome[]): string {
  const lines = outcomes
    .filter((outcome) => isFailed(outcome) || outcome.mendTrouble !== undefined)
    .map((outcome) => {
      const what = outcome.trouble ?? `not well again afterwards: ${outcome.mendTrouble?.split("\n")[0]}`;
      return `- ${outcome.client}, fault at ${outcome.at}: ${what}\n  \`${replayOf(outcome)}\``;
    });
  return lines.length === 0 ? "Nothing." : lines.join("\n");
}

function isFailed({ trouble }: Outcome): boolean {
  return trouble !== undefined;
}

/** p50, p99 and worst. */
function spread(values: readonly number[]): Array<number | string> {
  if (values.length === 0) return ["", "", ""];
  return [quantile(values, 0.5), quantile(values, 0.99), Math.max(...values)];
}

/** The least of the values that so large a share of them does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function table(heads: readonly string[], rows: ReadonlyArray<ReadonlyArray<string | number>>): string {
  if (rows.length === 0) return "Not run.";
  const line = (cells: ReadonlyArray<string | number>) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}
