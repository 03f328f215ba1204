/** A host's bond as it is declared, and what its installed system found. Pure. */
import type { JournalEvent } from "../../cluster/events.ts";
import type { Host } from "../../site/model.ts";
import type { BondReport } from "./shapes.ts";

/** `events` of the host, by time. */
export function bondReport({ nics, bond }: Pick<Host, "nics" | "bond">, events: readonly JournalEvent[]): BondReport {
  const report = events.findLast(({ what, stage }) => what === "report" && stage === "verified");
  const verdict = report?.facts.verdict;
  return {
    declared: { nics: [...nics], ...(bond && { bond: { ...bond } }) },
    ...(report && { found: { at: report.at, text: String(report.facts.text ?? ""), ...foundBond(report) } }),
    ...(report && { verdict: verdict === "verified" ? verdict : "differs" }),
  };
}

function foundBond({ facts }: JournalEvent): { readonly bond?: Record<string, unknown> } {
  return typeof facts.bond === "string" ? { bond: JSON.parse(facts.bond) as Record<string, unknown> } : {};
}
