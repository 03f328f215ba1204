/** `everboot doctor` on a rack that is well, and on one with what goes wrong in racks: it tells each, and nothing else. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { CLIENT_ADDRESS, clusterObstacle, LabCluster } from "../../lab/cluster.ts";
import { EVERBOOT } from "../../lab/daemon-process.ts";
import type { Namespace } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { type LabServer, unpackedEnvironment } from "../../lab/servers.ts";

const skip = clusterObstacle() ?? packageObstacle("clients", "loaders", "judges") ?? false;
const HOST_ADDRESS = "10.77.0.101";

interface Told {
  readonly check: string;
  readonly id: string;
  readonly severity: string;
  readonly what: string;
  readonly evidence: string;
  readonly todo: string;
}

/** Of the computer that the test runs on, and not of the rack. */
const OF_THIS_COMPUTER = ["clock-unkept", "disk-slow", "disk-low", "etcd-slow"];

async function openRack(context: TestContext): Promise<LabCluster> {
  const cluster = await LabCluster.open({
    name: "doc",
    servers: 2,
    hosts: { vm1: { nics: ["52:54:00:00:00:01"], address: HOST_ADDRESS } },
    // The API is asked for on this machine alone: not by the other server.
    site: { api: { listen: ["127.0.0.1"] } },
    fill: (folder) => {
      for (const name of ["linux", "initrd.gz"]) writeFileSync(join(folder, name), `the ${name} of a tree\n`);
    },
  });
  context.after(() => cluster.close());
  return cluster;
}

/** `hide`: a folder of this computer that is empty for the command. */
async function doctor(
  cluster: LabCluster,
  server: LabServer,
  hide?: string,
): Promise<{ well: boolean; findings: Told[] }> {
  const { PATH = "", ...environment } = unpackedEnvironment();
  const settings = Object.entries({ ...environment, PATH }).map(([name, value]) => `${name}=${value}`);
  const words = [process.execPath, "--disable-warning=ExperimentalWarning", EVERBOOT, "doctor", "--json"];
  const where = ["-c", cluster.siteFile, "--server", server.name, "--state", cluster.state(server)];
  const hiding = hide === undefined ? "" : `mount -t tmpfs none ${hide} && `;
  const script = `${hiding}"$@" || test $? = 1`;
  const text = await server.space.exec("unshare", [
    "-m",
    "env",
    ...settings,
    "sh",
    "-c",
    script,
    "sh",
    ...words,
    ...where,
  ]);
  return JSON.parse(text);
}

function ofTheRack({ findings }: { readonly findings: readonly Told[] }): readonly Told[] {
  return findings.filter(({ id }) => !OF_THIS_COMPUTER.includes(id));
}

/** The only finding with this id. */
function only(findings: readonly Told[], id: string): Told {
  const [found, ...more] = findings.filter((each) => each.id === id);
  assert.ok(found && more.length === 0, `${id}: ${JSON.stringify(findings, undefined, 1)}`);
  return found;
}

/** Resolves when it has printed a line that matches, to either stream. */
async function spawned(space: Namespace, program: string, args: readonly string[], ready: RegExp): Promise<number> {
  const child = space.spawn(program, args);
  const lines = [child.stdout, child.stderr].map((stream) => createInterface(stream ?? assert.fail()));
  await new Promise<void>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`${program} has ended`)));
    for (const each of lines) each.on("line", (line) => ready.test(line) && resolve());
  });
  return child.pid ?? assert.fail();
}

async function startRogue({ net, folder }: LabCluster): Promise<void> {
  const files = ["--conf-file=/dev/null", `--dhcp-leasefile=${join(folder, "rogue.leases")}`, "--user=root"];
  const options = ["--no-daemon", "--port=0", "--interface=lan", "--dhcp-range=10.77.0.200,10.77.0.210", ...files];
  await spawned(net.client, "dnsmasq", options, /DHCP, IP range/);
}

async function drop({ space }: LabServer, what: string): Promise<void> {
  const chain = ["add", "chain", "inet", "doc", "in", "{ type filter hook input priority 0 ; }"];
  await space.exec("nft", ["add", "table", "inet", "doc"]);
  await space.exec("nft", chain);
  await space.exec("nft", ["add", "rule", "inet", "doc", "in", ...what.split(" "), "drop"]);
}

test("a well rack has no finding; what is wrong with a sick one is told with its remedy", { skip }, async (context) => {
  const cluster = await openRack(context);
  const { net } = cluster;
  const [first, second] = cluster.servers;
  assert.ok(first && second);

  await context.test("well", async () => {
    const well = await doctor(cluster, first);
    assert.deepEqual(ofTheRack(well), []);
    assert.equal(well.well, true);
  });

  await context.test("sick", async () => {
    await startRogue(cluster);
    await net.client.ip(`addr add ${HOST_ADDRESS}/24 dev lan`);
    // Not from this machine itself: its daemon would take itself for deaf.
    await drop(first, "iifname lan udp dport 69");
    await drop(second, "tcp dport 514");
    await second.space.ip("link set lan mtu 1400");
    const sick = await doctor(cluster, first, "/usr/lib/ipxe");
    const told = ofTheRack(sick);
    assert.equal(sick.well, false);
    const rogue = only(told, "dhcp-rogue");
    assert.equal(rogue.what, `another DHCP server, ${CLIENT_ADDRESS}, gives out addresses on lan`);
    assert.equal(rogue.todo, "switch it off, or set `dhcp: proxy` for subnet 10.77.0.0/24");
    const clientMac = /link\/ether (\S+)/.exec(await net.client.ip("link show lan"))?.[1];
    assert.ok(rogue.evidence.startsWith(`${CLIENT_ADDRESS} at ${clientMac} offered 10.77.0.2`), rogue.evidence);
    const taken = only(told, "address-taken");
    assert.equal(taken.what, `address ${HOST_ADDRESS} of host vm1 is used by another machine`);
    assert.equal(taken.evidence, `${clientMac} answers ARP`);
    const dropped = only(told, "firewall-drops");
    assert.equal(dropped.what, "this machine's firewall drops TFTP (UDP port 69) on lan");
    assert.match(dropped.todo, /`nft insert rule inet doc in udp dport 69 accept`/);
    assert.match(only(told, "port-silent").what, /^syslog \(TCP port 514\) of server2 is silent/);
    assert.match(
      only(told, "mtu-path").what,
      /^packets of 1500 bytes, as lan sends them, do not reach server2 at 10\./,
    );
    const loaders = told.filter(({ id }) => id === "loader-missing");
    assert.ok(loaders.length > 0);
    assert.ok(loaders.every(({ todo }) => todo === "install package ipxe"));
    const expected = ["dhcp-rogue", "address-taken", "firewall-drops", "port-silent", "mtu-path", "loader-missing"];
    assert.deepEqual([...new Set(told.map(({ id }) => id))].sort(), expected.sort());
  });

  await context.test("a server that died, and what took its port", async () => {
    await cluster.killServer(second);
    const told = ofTheRack(await doctor(cluster, first));
    assert.match(
      only(told, "daemon-away").what,
      /^the machine of server2 \(10\.77\.0\.12\) answers, its daemon does not$/,
    );
    assert.match(only(told, "etcd-silent").what, /^member server2 of etcd /);
    only(told, "server-unheard");
    const listen = 'require("net").createServer().listen(80, () => console.log("listens"))';
    const pid = await spawned(second.space, process.execPath, ["-e", listen], /listens/);
    const there = ofTheRack(await doctor(cluster, second));
    assert.match(
      only(there, "port-taken").what,
      new RegExp(`^TCP port 80 \\(HTTP\\) on 10.*\\.12.* is taken by node \\(pid ${pid}\\)$`),
    );
  });
});
