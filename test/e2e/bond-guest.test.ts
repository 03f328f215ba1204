/**
 * Bonds of real kernels, declared in a site file: the machine comes up with Debian's own ifupdown and ifenslave, sends
 * its first-boot report, and loses hardly a ping when the cable that carries them is cut. A switch that knows LACP and
 * VLANs is a second machine.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { prepareBondGuest } from "../../lab/bond-guest/image.ts";
import { type BondTrialOptions, runBondTrial } from "../../lab/bond-guest/trial.ts";
import { startBondGuest } from "../../lab/bond-guest.ts";
import { Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { parseMac } from "../../src/base/address.ts";
import { renderIfupdown } from "../../src/bond/ifupdown.ts";
import type { NetworkPlan } from "../../src/bond/model.ts";
import { parseReport } from "../../src/bond/report.ts";
import { verifyNetwork } from "../../src/bond/verify.ts";
import type { FamilyInput } from "../../src/os/family.ts";
import { firstBootFiles } from "../../src/os/first-boot.ts";
import { hostNetwork } from "../../src/os/network.ts";
import { serverUrls } from "../../src/os/server-urls.ts";
import { installedJudge } from "../support/judges.ts";
import { siteOf } from "../support/sites.ts";

const skip =
  namespaceObstacle() ?? packageObstacle("machines", "installer", "mirror") ?? installedJudge("ping").obstacle;
const MACS = ["52:54:00:00:00:01", "52:54:00:00:00:02"] as const;
const PORT = 8080;

/** `vm1`, booted over its first NIC, as the profile's family gets it. */
function inputOf(bond: string): FamilyInput {
  const site = siteOf(`
site: bonds
subnets:
  - {cidr: 192.168.77.0/24, dns: [192.168.77.1]}
servers:
  one: {address: 192.168.77.1, http_port: ${PORT}}
trees:
  debian-12: {family: debian, release: bookworm, path: ./trees/debian-12}
profiles:
  plain: {tree: debian-12, root: {password: "$6$saltsalt$hash"}, first_boot: ["echo it ran"]}
hosts:
  vm1: {nics: ${JSON.stringify(MACS)}, address: 192.168.77.101, profile: plain, network: static, bond: {${bond}}}
`);
  const host = site.hosts.get("vm1");
  const view = site.servers.get("one");
  const mac = parseMac(MACS[0]);
  if (!host || !view || !mac) throw new Error("the site lacks vm1 or one");
  const { profile } = host;
  return { site, host, profile, tree: profile.tree, mac, servers: [serverUrls(view, profile, "t0ken")] };
}

function planOf(bond: string): NetworkPlan {
  const { host, mac } = inputOf(bond);
  return hostNetwork(host, mac);
}

function trialOf(bond: string, change: Pick<BondTrialOptions, "fabric" | "cut">): BondTrialOptions {
  const input = inputOf(bond);
  const plan = planOf(bond);
  const network = renderIfupdown(plan).map(({ path, mode, text }) => ({ path: path.slice(1), mode, content: text }));
  const program = firstBootFiles(input).find(({ path }) => path.endsWith("/first-boot"));
  if (!program) throw new Error("there is no program for the first boot");
  return {
    ...{ nics: plan.nics, address: input.host.address, server: "192.168.77.1/24", reportPort: PORT },
    ...{ files: [...network, program], firstBoot: program.path },
    ...change,
  };
}

/** What a member's part of /proc/net/bonding says after a word. */
function memberSays(status: string, member: string, key: string): string | undefined {
  const part = status.split("\n\n").find((text) => text.startsWith(`Slave Interface: ${member}\n`));
  return part
    ?.split("\n")
    .find((line) => line.startsWith(`${key}: `))
    ?.slice(key.length + 2);
}

const bridge = { kind: "bridge" } as const;
const CASES: ReadonlyArray<{
  readonly name: string;
  readonly bond: string;
  readonly change: Pick<BondTrialOptions, "fabric" | "cut">;
  /** Pings that may be lost, in place of 3. */
  readonly most?: number;
  readonly before: readonly RegExp[];
  /** One member has a part of its own, which the other takes over. */
  readonly active?: boolean;
}> = [
  {
    name: "active-backup",
    bond: "mode: active-backup, miimon: 100",
    change: { fabric: bridge, cut: "cable" },
    before: [/^Bonding Mode: fault-tolerance \(active-backup\)$/m, /^MII Polling Interval \(ms\): 100$/m],
    active: true,
  },
  {
    name: "active-backup that asks by ARP, and a path that fails behind the first switch",
    bond: "mode: active-backup, arp_interval: 100, arp_ip_target: [192.168.77.1], arp_validate: all",
    change: { fabric: bridge, cut: "path" },
    // an answer has to be missed for two and a half intervals, and is looked for once an interval
    most: 5,
    before: [/^ARP Polling Interval \(ms\): 100$/m, /^ARP IP target\/s \(n\.n\.n\.n form\): 192\.168\.77\.1$/m],
    active: true,
  },
  {
    name: "balance-alb",
    bond: "mode: balance-alb, miimon: 100",
    change: { fabric: bridge, cut: "cable" },
    before: [/^Bonding Mode: adaptive load balancing$/m],
    active: true,
  },
  {
    name: "balance-rr, with a static group on the switch",
    bond: "mode: balance-rr, miimon: 100",
    change: { fabric: { kind: "switch", group: "static" }, cut: "cable" },
    before: [/^Bonding Mode: load balancing \(round-robin\)$/m],
  },
  {
    name: "802.3ad",
    bond: "mode: 802.3ad, miimon: 100, lacp_rate: fast",
    change: { fabric: { kind: "switch", group: "802.3ad" }, cut: "cable" },
    before: [/^LACP rate: fast$/m, /^\tNumber of ports: 2$/m, /^\tPartner Mac Address: 52:54:00:ff:00:1\d$/m],
  },
  {
    name: "802.3ad with VLAN 100",
    bond: "mode: 802.3ad, miimon: 100, lacp_rate: fast, vlan: 100",
    change: { fabric: { kind: "switch", group: "802.3ad", vlan: 100 }, cut: "cable" },
    before: [/^LACP rate: fast$/m, /^\tNumber of ports: 2$/m, /^\tPartner Mac Address: 52:54:00:ff:00:1\d$/m],
  },
];

for (const { name, bond, change, most = 3, before, active } of CASES) {
  test(`${name}: at most ${most} of 100 pings are lost`, { skip }, async (t) => {
    const trial = await runBondTrial(trialOf(bond, change));
    const lost = trial.pings.sent - trial.pings.received;
    t.diagnostic(`${lost} of ${trial.pings.sent} pings lost when ${trial.cut} was cut`);

    assert.equal(trial.report.path, "/report/t0ken/first-boot");
    assert.match(trial.report.body, /^== bond bond0\nEthernet Channel Bonding Driver: v/m);
    assert.match(trial.report.body, /^== end\n$/m);
    assert.deepEqual(verifyNetwork(planOf(bond), parseReport(trial.report.body)), []);

    for (const pattern of before) assert.match(trial.before, pattern);
    for (const member of ["nic0", "nic1"]) assert.equal(memberSays(trial.before, member, "MII Status"), "up");
    assert.match(memberSays(trial.after, trial.cut, "MII Status") ?? "absent", /^(going )?down$/);
    assert.notEqual(
      memberSays(trial.after, trial.cut, "Link Failure Count"),
      memberSays(trial.before, trial.cut, "Link Failure Count"),
    );
    if (active) {
      const other = trial.cut === "nic0" ? "nic1" : "nic0";
      assert.match(trial.before, new RegExp(`^Currently Active Slave: ${trial.cut}$`, "m"));
      assert.match(trial.after, new RegExp(`^Currently Active Slave: ${other}$`, "m"));
    }
    assert.equal(trial.pings.sent, 100);
    assert.ok(lost <= most, `${lost} pings lost\n${trial.after}`);
  });
}

test("an emulator that refuses its guest is one line of trouble, and leaves nothing", { skip }, async (t) => {
  const logDirectory = mkdtempSync(join(tmpdir(), "everboot-bond-"));
  t.after(() => rmSync(logDirectory, { recursive: true, force: true }));
  const space = await Namespace.create("bondno");
  t.after(() => space.remove());
  await space.bridge("br0", "192.168.77.1/24");
  const nics = [{ name: "nic0", mac: "no address", link: { bridge: "br0" } }];
  await assert.rejects(startBondGuest({ space, name: "vm", image: await prepareBondGuest(), nics, logDirectory }), {
    code: "lab-broken",
    message: /^lab: guest vm did not start: .*no address/,
  });
  assert.doesNotMatch(await space.ip("link show"), /vm-0/);
});
