/** Whether a machine came up as its host was declared, by what its installed system reports. */
import { parseReport } from "../../bond/report.ts";
import { verifyNetwork } from "../../bond/verify.ts";
import { hostNetwork } from "../../os/network.ts";
import type { Site } from "../../site/model.ts";
import type { FirstBootVerdict } from "./reports.ts";

export function firstBootJudge(site: Site): (host: string, report: string) => FirstBootVerdict {
  return (name, text) => {
    const host = site.hosts.get(name);
    if (!host) return { verdict: "differs", text: "it is no longer in the site file" };
    const network = hostNetwork(host, host.nics[0]);
    const report = parseReport(text);
    const found = report.bonds.find(({ name: device }) => device === network.bond?.name)?.text;
    const bond = found && { bond: JSON.stringify(found) };
    const differences = verifyNetwork(network, report);
    if (differences.length === 0) return { verdict: "verified", text: describeNetwork(network), ...bond };
    return { verdict: "differs", text: differences.map(({ what, todo }) => `${what}: ${todo}`).join("; "), ...bond };
  };
}

function describeNetwork({ bond, devices }: ReturnType<typeof hostNetwork>): string {
  const names = devices.map(({ name }) => name).join(", ");
  return bond ? `${names} over ${bond.members.length} NICs, mode ${bond.mode}` : `${names} is up`;
}
