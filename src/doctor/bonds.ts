/** Are this machine's own bonds well? */
import { type FactsOf, judgeBond } from "../bond/health.ts";
import type { ProcBonding } from "../bond/proc-bonding.ts";
import { readBonds } from "../net/bond-files.ts";
import type { Check } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

export const bondsCheck: Check = {
  name: "bonds",
  of: "machine",
  look: async () =>
    (await readBonds()).flatMap(({ name, text, members }) => {
      if (text.kind === "bond") return judgeOwnBond(name, text, members);
      const details = { bond: name, what: `its text cannot be read: ${text.why}`, todo: "see it yourself" };
      return [finding("bond-degraded", details, fileOf(name))];
    }),
};

export function judgeOwnBond(name: string, bond: ProcBonding, facts: FactsOf): readonly Finding[] {
  const up = bond.members.filter(({ status }) => status === "up");
  const speeds = new Set(up.flatMap(({ speed }) => speed ?? []));
  const shown = up.map((member) => `${member.name} ${member.speed ?? "?"} Mb/s`).join(", ");
  return [
    ...judgeBond(bond, facts).reasons.map(({ what, todo }) =>
      finding("bond-degraded", { bond: name, what, todo }, fileOf(name)),
    ),
    ...(speeds.size > 1 ? [finding("bond-speeds", { bond: name }, shown)] : []),
  ];
}

function fileOf(name: string): string {
  return `/proc/net/bonding/${name}; \`everboot bond status ${name}\` shows it`;
}
