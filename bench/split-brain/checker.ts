/** What must hold after a schedule, whatever has befallen the servers. Pure. */
import type { Happening } from "./machines.ts";

/** What a server holds at the end: every value of the common state by its key. */
export type Copy = ReadonlyMap<string, string>;

export interface Findings {
  /** In words; empty = all is well. */
  readonly wrong: readonly string[];
  readonly installs: number;
  readonly reports: number;
  readonly leases: number;
}

/** `leaseMs`: how long an address is lent. */
export function check(happenings: readonly Happening[], copies: ReadonlyMap<string, Copy>, leaseMs: number): Findings {
  const reports = happenings.filter((each) => each.kind === "report");
  const leases = happenings.filter((each) => each.kind === "lease");
  return {
    wrong: [
      ...installedTwice(happenings),
      ...leasedTwice(leases, leaseMs),
      ...journalOf(reports, copies),
      ...differences(copies),
    ],
    installs: reports.filter(({ event, answer }) => event === "done" && answer === "accepted").length,
    reports: reports.length,
    leases: leases.length,
  };
}

/** Once a server has taken note that a machine is being written to, no server hands its permit out again. */
function installedTwice(happenings: readonly Happening[]): string[] {
  const written = new Map<string, string>();
  const wrong: string[] = [];
  for (const each of happenings) {
    if (each.kind === "script" && each.token !== undefined && written.has(each.token))
      wrong.push(`${each.host} was to install again after its ${written.get(each.token)} was accepted`);
    if (each.kind === "report" && each.answer === "accepted" && ["partition", "done"].includes(each.event))
      written.set(each.token, each.event);
  }
  return wrong;
}

type Lease = Extract<Happening, { kind: "lease" }>;

function leasedTwice(leases: readonly Lease[], leaseMs: number): string[] {
  return leases.flatMap(({ address, mac, at }, place) => {
    const earlier = leases.slice(0, place).find((each) => each.address === address && each.mac !== mac);
    return earlier && at - earlier.at < leaseMs ? [`${address} was lent to ${earlier.mac} and ${mac}`] : [];
  });
}

/** A report that was acknowledged is in the journal once; one whose answer was lost, at most once. */
function journalOf(
  reports: readonly Extract<Happening, { kind: "report" }>[],
  copies: ReadonlyMap<string, Copy>,
): string[] {
  return [...copies].flatMap(([server, copy]) => {
    const counts = new Map<string, number>();
    for (const [key, value] of copy) {
      const note = key.startsWith("journal/") ? /"(note \d+ \S+ \d+)"/.exec(value)?.[1] : undefined;
      if (note !== undefined) counts.set(note, (counts.get(note) ?? 0) + 1);
    }
    return reports.flatMap(({ note, answer }) => {
      const count = counts.get(note) ?? 0;
      if (count > 1) return [`"${note}" is ${count} times in the journal of ${server}`];
      return answer === "accepted" && count === 0 ? [`"${note}" is not in the journal of ${server}`] : [];
    });
  });
}

/** In words, a few of each pair. */
export function differences(copies: ReadonlyMap<string, Copy>): string[] {
  const [[first, model] = ["", new Map<string, string>()], ...others] = copies;
  return others.flatMap(([server, copy]) => {
    const keys = new Set([...model.keys(), ...copy.keys()]);
    const differing = [...keys].filter((key) => model.get(key) !== copy.get(key));
    return differing.slice(0, 3).map((key) => `${first} and ${server} differ in ${key}`);
  });
}
