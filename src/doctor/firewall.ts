/** Does this machine's own firewall drop what the daemon is to hear? */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { cidrContains } from "../base/address.ts";
import { findProgram } from "../net/programs.ts";
import { servedDevices } from "./addresses.ts";
import type { Check, ServerScene } from "./check.ts";
import { type Finding, finding, unseen } from "./findings.ts";
import { dropOf, type NftRuleset } from "./nft-rules.ts";
import { type Service, servicesOf } from "./services.ts";

const run = promisify(execFile);
const MOST_BYTES = 32 << 20;

export const firewallCheck: Check = {
  name: "firewall",
  of: "server",
  look: async (scene, signal) => {
    const nft = findProgram("nft", scene.searchPath, { purpose: "the firewall's rules", package: "nftables" });
    const ruleset = await readRuleset(nft, signal);
    return [...judgeRules(ruleset, heardOn(scene)), ...(await legacyTables())];
  },
};

/** Rejects with `EPERM` as `code` where nft is not allowed to look. */
async function readRuleset(nft: string, signal: AbortSignal): Promise<NftRuleset> {
  try {
    const { stdout } = await run(nft, ["-j", "list", "ruleset"], { signal, maxBuffer: MOST_BYTES });
    return stdout.trim() === "" ? { nftables: [] } : JSON.parse(stdout);
  } catch (error) {
    if (!/not permitted/i.test(String(error))) throw error;
    throw Object.assign(new Error("nft list ruleset", { cause: error }), { code: "EPERM" });
  }
}

/** A service, on an interface that must hear it. */
export interface HeardService {
  readonly service: Service;
  readonly interface: string;
}

/** Servers talk on the links too, machines that boot on the served interfaces alone. */
function heardOn({ site, server, interfaces }: ServerScene): readonly HeardService[] {
  const served = servedDevices(site, server, interfaces);
  const own = interfaces.filter(({ address }) => address === server.address).map(({ name }) => name);
  const linked = interfaces.filter(({ cidr }) => server.links.some((link) => cidrContains(cidr, link)));
  const beats = [...new Set([...own, ...linked.map(({ name }) => name)])];
  return servicesOf(site, server).flatMap((service) => {
    const onLinks = service.name === "heartbeats" ? beats : own;
    return (service.from === "clients" ? served : onLinks).map((device) => ({ service, interface: device }));
  });
}

export function judgeRules(ruleset: NftRuleset, heard: readonly HeardService[]): readonly Finding[] {
  return heard.flatMap(({ service, interface: device }) => {
    const { name, protocol, port } = service;
    const dropped = dropOf(ruleset, { interface: device, protocol, port });
    if (!dropped) return [];
    const { family, table, name: chain } = dropped.chain;
    const match = protocol === "vrrp" ? "ip protocol vrrp" : `${protocol} dport ${port}`;
    const shown = protocol === "vrrp" ? "IP protocol 112" : `${protocol.toUpperCase()} port ${port}`;
    const details = { service: name, protocol: shown, interface: device, family, table, chain, match };
    return [finding("firewall-drops", details, `${dropped.by} (table ${family} ${table})`)];
  });
}

/** Rules of the older iptables, which nft does not show. */
async function legacyTables(): Promise<readonly Finding[]> {
  const tables = await readFile("/proc/net/ip_tables_names", "utf8").catch(() => "");
  if (!tables.includes("filter")) return [];
  return [
    unseen("rules of legacy iptables are not read", "see `iptables-legacy -L INPUT`", "/proc/net/ip_tables_names"),
  ];
}
