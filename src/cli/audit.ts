/** `everboot audit`: who has changed what. */

import { EverbootError } from "../base/errors.ts";
import type { AuditPage, AuditRow } from "../cluster/audit.ts";
import { alignColumns } from "./columns.ts";
import type { Command } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { ask, STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot audit [-n COUNT] [--state DIR] [--json]
  Who has changed what: permits, site files, tokens, servers taken out of service; and wrong tokens.
  -n COUNT      how many of the newest (default 50, at most 1000)
${STATE_USAGE}`;

const MOST = 1000;

export const auditCommand: Command = {
  name: "audit",
  summary: "who has changed what",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, {
      ...STATE_OPTION,
      count: { type: "string", short: "n", default: "50" },
    });
    wantPositionals(positionals, 0, 0, USAGE);
    const count = Number(values.count);
    if (!Number.isInteger(count) || count < 1 || count > MOST)
      throw new EverbootError("usage", { what: `-n ${values.count}: say how many, 1 to ${MOST}` });
    const { items } = (await ask(io, values.state, "GET", `/api/v1/audit?limit=${count}`)) as AuditPage;
    const oldestFirst = items.toReversed();
    const lines = values.json ? oldestFirst.map((row) => JSON.stringify(row)) : auditLines(oldestFirst);
    for (const line of lines) io.out(line);
    return 0;
  },
};

/** A line each: when, who, what, of what, from and to, and what became of it unless it was done. */
export function auditLines(rows: readonly AuditRow[]): string[] {
  const cells = rows.map(({ at, who, what, target = "", before, after, outcome }) => [
    `${new Date(at).toISOString().slice(0, 19)}Z`,
    ...[who, what, target],
    [[before, after].filter((text) => text !== undefined).join(" -> "), outcome === "done" ? "" : `refused: ${outcome}`]
      .filter((text) => text !== "")
      .join("; "),
  ]);
  return alignColumns(cells, ["left", "left", "left", "left", "left"], "");
}
