/** What checks of this machine, its programs, its cluster and the trees make of the facts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../../src/base/address.ts";
import { parseProcBonding } from "../../../src/bond/proc-bonding.ts";
import { judgeOwnBond } from "../../../src/doctor/bonds.ts";
import { judgeDaemon } from "../../../src/doctor/cluster.ts";
import { bytesText, type DiskFacts, judgeDisk } from "../../../src/doctor/disk.ts";
import { judgeEtcd, meanWriteMs } from "../../../src/doctor/etcd.ts";
import type { Finding } from "../../../src/doctor/findings.ts";
import { judgeRules } from "../../../src/doctor/firewall.ts";
import { judgeKernel, type KernelFacts } from "../../../src/doctor/kernel.ts";
import { filesLimit, judgeFiles } from "../../../src/doctor/limits.ts";
import { judgeLoaders } from "../../../src/doctor/loaders.ts";
import { isBefore, judgePrograms, judgeRivals, type Need, programsOf } from "../../../src/doctor/programs.ts";
import { servicesOf } from "../../../src/doctor/services.ts";
import { judgeTree, type Likeness } from "../../../src/doctor/trees.ts";
import type { ClusterReport } from "../../../src/server/boot/operations.ts";
import { exampleSite } from "../../support/sites.ts";
import { scene } from "./scene.ts";

const ids = (findings: readonly Finding[]) => findings.map(({ id }) => id);

test("loaders: the package is named, if one is known", () => {
  const told = judgeLoaders([{ name: "undionly.kpxe", package: "ipxe" }, { name: "own.efi" }]);
  assert.deepEqual(
    told.map(({ id, evidence, todo }) => [id, evidence, todo]),
    [
      ["loader-missing", "there is no /usr/lib/ipxe/undionly.kpxe", "install package ipxe"],
      ["loader-unknown", "no package is known", "choose another `loader` in the site file"],
    ],
  );
});

test("trees: what another server has in their place", () => {
  const of = (likeness: Likeness) =>
    ids(judgeTree({ name: "debian-12" }, [{ server: "server2", path: "linux", likeness, evidence: "url" }]));
  assert.deepEqual((["same", "silent", "absent", "unlike", "unknown"] as const).map(of), [
    [],
    [],
    ["tree-absent"],
    ["tree-differs"],
    ["unseen"],
  ]);
});

test("programs: those of the site, in versions that do", () => {
  const names = (needs: readonly Need[]) => needs.map(({ program }) => program).join(" ");
  const alone = exampleSite("single");
  const mirror = exampleSite("single", (text) =>
    text.replace("release: bookworm,", "release: bookworm, upstream: apt,"),
  );
  assert.equal(names(programsOf({ site: alone })), "");
  assert.equal(names(programsOf({ site: mirror })), "gpgv");
  assert.equal(names(programsOf(scene())), "ip keepalived setpriv etcd");
  const nfs = exampleSite("single", (text) => text.replace("    tree: debian-12", "    tree: debian-12\n    via: nfs"));
  assert.equal(names(programsOf({ site: nfs })), "ganesha.nfsd rpcbind setpriv");
  const needs = programsOf(scene());
  const judged = (path: string | undefined, version: string) =>
    judgePrograms(needs.map((need) => ({ need, ...(path !== undefined && { path }), version })));
  assert.deepEqual(ids(judged("/sbin/x", "3.4.23")), []);
  assert.deepEqual(ids(judged("/sbin/x", "2.1.5")), ["program-untried", "program-old"]);
  assert.deepEqual(
    judged(undefined, "").map(({ todo }) => todo),
    ["iproute2", "keepalived", "util-linux", "etcd-server"].map((name) => `install package ${name}`),
  );
  assert.equal(
    judgeRivals([{ program: "keepalived", pid: 9 }])[0]?.what,
    "a keepalived (pid 9) runs here that Everboot did not start",
  );
});

test("versions are compared by their numbers", () => {
  const rows = [
    ["3.4", "3.4.0", false],
    ["3.10.1", "3.9", false],
    ["2.2.7", "2.2.7", false],
    ["2.2.6", "2.2.7", true],
    ["2", "2.2", true],
  ] as const;
  for (const [version, least, expected] of rows)
    assert.equal(isBefore(version, least), expected, `${version} ${least}`);
});

test("the firewall: the remedy is a rule that can be typed", () => {
  const { site, server } = scene();
  const place = { family: "inet", table: "filter" };
  const chain = { ...place, name: "input", hook: "input", prio: 0, policy: "drop" };
  const heard = servicesOf(site, server).map((service) => ({ service, interface: "eth0" }));
  const told = judgeRules({ nftables: [{ chain }] }, heard);
  assert.equal(told.length, heard.length);
  const todo = (text: string) => told.find(({ what }) => what.includes(text))?.todo ?? "";
  assert.match(todo("TFTP"), /^accept it there: `nft insert rule inet filter input udp dport 69 accept`/);
  assert.match(todo("VRRP"), /`nft insert rule inet filter input ip protocol vrrp accept`/);
});

test("settings of the kernel matter to many hosts, or to two NICs in one network", () => {
  const well: KernelFacts = {
    ...{ hosts: 500, neighbours: 1024, receiveBuffer: 4 << 20, acceptQueue: 4096, nonlocalBind: 1 },
    ...{ listensNonlocal: true, shared: [] },
  };
  const company = { name: "eth0", others: ["eth1"], rpFilter: 1 };
  const rows: ReadonlyArray<readonly [Partial<KernelFacts>, readonly string[]]> = [
    [{}, []],
    [{ hosts: 1000 }, ["neighbour-table"]],
    [{ receiveBuffer: 212_992 }, ["receive-buffer"]],
    [{ receiveBuffer: 212_992, hosts: 20 }, []],
    [{ acceptQueue: 128 }, ["accept-queue"]],
    [{ nonlocalBind: 0 }, ["nonlocal-bind"]],
    [{ nonlocalBind: 0, listensNonlocal: false }, []],
    [{ shared: [company] }, ["rp-filter"]],
    [{ shared: [{ ...company, rpFilter: 2 }] }, []],
  ];
  for (const [facts, expected] of rows) assert.deepEqual(ids(judgeKernel({ ...well, ...facts })), expected);
  assert.match(judgeKernel({ ...well, hosts: 1000 })[0]?.todo ?? "", /gc_thresh3=4096`/);
});

test("disks: full, low, out of inodes, slow", () => {
  const well: DiskFacts = {
    path: "/var",
    free: 50 * 2 ** 30,
    size: 100 * 2 ** 30,
    inodes: 1e6,
    freeInodes: 9e5,
    writeMs: 3,
  };
  const rows: ReadonlyArray<readonly [Partial<DiskFacts>, readonly string[]]> = [
    [{}, []],
    [{ free: 100 << 20 }, ["disk-full"]],
    [{ free: 3 * 2 ** 30 }, ["disk-low"]],
    [{ free: 3 * 2 ** 30, size: 10 * 2 ** 30 }, []],
    [{ freeInodes: 5 }, ["inodes-few"]],
    [{ inodes: 0, freeInodes: 0 }, []],
    [{ writeMs: 51 }, ["disk-slow"]],
  ];
  for (const [facts, expected] of rows) assert.deepEqual(ids(judgeDisk({ ...well, ...facts })), expected);
  assert.deepEqual([bytesText(300 << 20), bytesText(3.25 * 2 ** 30)], ["300 MiB", "3.3 GiB"]);
});

test("open files: the daemon's own limit, or what a daemon would get", () => {
  const text =
    "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n";
  assert.equal(filesLimit(text, true), 1024);
  assert.equal(filesLimit(text, false), 4096);
  assert.equal(filesLimit(text.replace("1024", "unlimited"), true), Number.POSITIVE_INFINITY);
  assert.equal(filesLimit("", true), undefined);
  assert.deepEqual(ids(judgeFiles(1024, 90, "/proc/1/limits")), []);
  assert.match(judgeFiles(1024, 5000, "/proc/1/limits")[0]?.todo ?? "", /LimitNOFILE=8256/);
});

test("etcd: members, quorum, versions, disks", () => {
  const member = (name: string, state: "leader" | "follower" | "silent" | "learner" | "unlisted" | "leaderless") => ({
    ...{ name, url: `http://${name}:2379`, state },
  });
  const three = [member("a", "leader"), member("b", "follower"), member("c", "follower")];
  assert.deepEqual(ids(judgeEtcd({ hasQuorum: true, members: three, about: [] })), []);
  const sick = [member("a", "leaderless"), member("b", "silent"), member("c", "unlisted"), member("d", "learner")];
  assert.deepEqual(ids(judgeEtcd({ hasQuorum: false, members: sick, about: [] })), [
    ...["etcd-quorum", "etcd-leaderless", "etcd-silent", "etcd-unlisted", "etcd-learner"],
  ]);
  const about = [
    { name: "a", version: "3.3.25", writeMs: 80 },
    { name: "b", version: "3.4.23", writeMs: 5 },
    { name: "c" },
  ];
  assert.deepEqual(ids(judgeEtcd({ hasQuorum: true, members: three, about })), ["etcd-old", "etcd-slow", "etcd-mixed"]);
});

test("how long etcd's disk takes is read from its metrics", () => {
  const metrics = [
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 0',
    "etcd_disk_wal_fsync_duration_seconds_sum 1.5",
    "etcd_disk_wal_fsync_duration_seconds_count 100",
  ].join("\n");
  assert.equal(meanWriteMs(metrics), 15);
  assert.equal(meanWriteMs(metrics.replace(" 100", " 0")), undefined);
  assert.equal(meanWriteMs(""), undefined);
});

test("the cluster as the daemon knows it", () => {
  const site = exampleSite("pair");
  const { revision } = site;
  const floating = ["192.168.0.253", "192.168.0.254"] as Ipv4[];
  const report: ClusterReport = {
    servers: ["server1", "server2"].map((name, index) => ({
      ...{ name, alive: true, heldBy: name, serves: { revision } },
      ...(floating[index] && { floating: floating[index] }),
    })),
    troubles: [],
    state: { state: "current", position: 1, outbox: 0 },
  };
  const [first, second] = report.servers;
  assert.ok(first && second);
  const { heldBy: _, ...unheld } = second;
  const rows: ReadonlyArray<readonly [Partial<ClusterReport>, readonly string[]]> = [
    [{}, []],
    [{ troubles: ["HTTP is deaf"] }, ["daemon-unwell"]],
    [{ state: { state: "behind", position: 1, outbox: 0 } }, ["state-behind"]],
    [{ state: { state: "current", position: 1, outbox: 2 } }, ["state-behind"]],
    [{ servers: [first, { ...second, alive: false }] }, ["server-unheard"]],
    [{ servers: [first, unheld] }, ["floating-unheld"]],
    [{ servers: [first, { ...second, heldBy: "server1" }] }, ["floating-away"]],
    [{ servers: [first, { ...second, heldBy: "server1", draining: true }] }, []],
    [{ servers: [first, { ...second, serves: { revision: "other" } }] }, ["site-differs"]],
  ];
  const judged = (cluster: ClusterReport, served = revision) =>
    ids(judgeDaemon({ site: { revision: served, servers: [] }, cluster }, site, "server1"));
  for (const [change, expected] of rows) assert.deepEqual(judged({ ...report, ...change }), expected);
  assert.ok(judged(report, "older").includes("site-file-differs"));
});

test("this machine's bonds: what is degraded, and speeds that differ", () => {
  const member = (name: string, speed: number, status = "up") =>
    `\nSlave Interface: ${name}\nMII Status: ${status}\nSpeed: ${speed} Mbps\nDuplex: full\nLink Failure Count: 0\nPermanent HW addr: 02:00:00:00:00:0${name.slice(3)}\nSlave queue ID: 0\n`;
  const bond = (...members: string[]) =>
    `Ethernet Channel Bonding Driver: v6.1.0\n\nBonding Mode: load balancing (round-robin)\nMII Status: up\nMII Polling Interval (ms): 100\nUp Delay (ms): 0\nDown Delay (ms): 0\nPeer Notification Delay (ms): 0\n${members.join("")}`;
  const judged = (text: string) => {
    const parsed = parseProcBonding(text);
    assert.ok(parsed.kind === "bond", JSON.stringify(parsed));
    return judgeOwnBond("bond0", parsed, new Map());
  };
  assert.deepEqual(ids(judged(bond(member("eth0", 1000), member("eth1", 1000)))), []);
  assert.deepEqual(ids(judged(bond(member("eth0", 1000), member("eth1", 100)))), ["bond-speeds"]);
  const down = judged(bond(member("eth0", 1000), member("eth1", 1000, "down")));
  assert.equal(down[0]?.what, "bond bond0: eth1 is down");
});
