/**
 * `everboot bond apply` on a machine with a real bonding driver, in use while it happens: it keeps what is confirmed,
 * and else everything is as it was, whatever becomes of the operator.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { prepareBondGuest } from "../../lab/bond-guest/image.ts";
import { ping } from "../../lab/bond-guest/ping.ts";
import type { BondGuest } from "../../lab/bond-guest.ts";
import { Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { LAB_PURPOSES, packageObstacle } from "../../lab/prerequisites.ts";
import { EVERBOOT, startBondMachine } from "../support/bond-machine.ts";

const wanted = process.env.EVERBOOT_LAB === "bonds" ? undefined : "long: set EVERBOOT_LAB=bonds";
const skip = wanted ?? namespaceObstacle() ?? packageObstacle(...LAB_PURPOSES, "clients");

const ADDRESS = "192.168.77.101";
const ROUTER = "192.168.77.1";
const STATE = "/var/lib/everboot/bond-switch";
const INTERFACES = `# The machine's own notes.
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
	address ${ADDRESS}/24
	gateway ${ROUTER}

auto dummy0
iface dummy0 inet manual
`;
const APPLY = `${EVERBOOT} bond apply --members eth0,eth1`;

let folder: string;
let space: Namespace;
let machine: BondGuest;

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "everboot-apply-"));
  space = await Namespace.create("apply");
  await space.bridge("br0", `${ROUTER}/24`);
  await space.bridge("nowhere", "192.168.99.1/24");
  // Else it would answer for the addresses of the other bridge too.
  await space.ip("link set nowhere down");
  machine = await startBondMachine({
    ...{ space, name: "m", image: await prepareBondGuest(), logDirectory: folder },
    nics: [
      { name: "eth0", mac: "52:54:00:00:00:01", link: { bridge: "br0" } },
      { name: "eth1", mac: "52:54:00:00:00:02", link: { bridge: "br0" } },
      { name: "eth2", mac: "52:54:00:00:00:03", link: { bridge: "nowhere" } },
    ],
    files: [
      { path: "etc/network/interfaces", mode: 0o644, content: INTERFACES },
      { path: "etc/resolv.conf", mode: 0o644, content: `nameserver ${ROUTER}\n` },
    ],
  });
  await machine.run("ifup eth0 && ip link set eth1 up && ip route add 10.9.0.0/16 via 192.168.77.2");
});

after(async () => {
  if (skip) return;
  await machine.stop();
  await space.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Everything that must be as before; without counters, and without IPv6, which settles by itself. */
function look(): Promise<string> {
  return machine.run(
    "for n in eth0 eth1 eth2; do ip -4 -o address show dev $n; cat /sys/class/net/$n/address; done; ip route; " +
      "ip -o link | sed 's/^[0-9]*: //; s/ qdisc.*//'; cat /etc/network/interfaces",
  );
}

/** Runs a command that ends well or badly; what it printed, and its exit code behind. */
function attempt(command: string): Promise<string> {
  return machine.run(`${command}; echo "exit $?"`);
}

/** Waits in the guest, at most 60 s. */
function until(condition: string): Promise<string> {
  return machine.run(`i=0; until ${condition}; do i=$((i+1)); [ $i -lt 600 ] || exit 1; sleep 0.1; done`);
}

test("refuses members that there are not, and what would cut the operator off", { skip }, async () => {
  const untouched = await look();
  assert.match(await attempt(`${EVERBOOT} bond apply --members eth0,eth9`), /there is no NIC eth9.*\nexit 1\n$/);
  const session = `SSH_CONNECTION='192.168.88.7 5000 ${ADDRESS} 22'`;
  assert.match(
    await attempt(`${session} ${APPLY} --address 192.168.77.102/24`),
    /your SSH session uses 192.168.77.101/,
  );
  assert.match(await attempt(`${EVERBOOT} bond apply --members eth1,eth2`), /eth0 has 192.168.77.101: name it in/);
  assert.match(await attempt(`${APPLY} --router 192.168.77.9`), /192.168.77.9 does not answer on eth0 even now/);
  assert.equal(await look(), untouched);
});

test("what nobody confirms is taken back", { skip }, async () => {
  const untouched = await look();
  const output = await attempt(`${APPLY} --confirm 2`);
  assert.match(output, /^bond0 of eth0, eth1 is up, and 192.168.77.1 answers$/m);
  assert.match(output, /^taken back: all is as it was/m);
  assert.match(output, /^exit 1$/m);
  assert.equal(await look(), untouched);
});

test("what the router does not answer to is taken back at once", { skip }, async () => {
  const untouched = await look();
  const output = await attempt(`${EVERBOOT} bond apply --members eth0,eth2 --primary eth2 --confirm 600`);
  assert.match(output, /^everboot: look at bond0: 192.168.77.1 does not answer any more$/m);
  assert.match(output, /^taken back/m);
  assert.equal(await look(), untouched);
});

test("a session that ends does not keep the bond", { skip }, async () => {
  const untouched = await look();
  await machine.run(`rm -f /tmp/out; setsid ${APPLY} --confirm 5 >/tmp/out 2>&1 & echo $! >/tmp/pid`);
  await until("grep -q '^Keep it' /tmp/out");
  await machine.run("kill -HUP $(cat /tmp/pid)");
  assert.match(await machine.run("ip -4 -o address show dev bond0"), new RegExp(ADDRESS));
  await until(`[ -e ${STATE}/outcome ]`);
  assert.equal(await machine.run(`cat ${STATE}/outcome`), "taken-back\n");
  assert.equal(await look(), untouched);
});

test("Ctrl-C takes it back at once", { skip }, async () => {
  const untouched = await look();
  await machine.run(`rm -f /tmp/out; setsid ${APPLY} --confirm 600 >/tmp/out 2>&1 & echo $! >/tmp/pid`);
  await until("grep -q '^Keep it' /tmp/out");
  await machine.run("kill -INT $(cat /tmp/pid)");
  await until("grep -q '^taken back' /tmp/out");
  assert.equal(await look(), untouched);
});

test("a command killed between two steps leaves nothing behind", { skip }, async () => {
  const untouched = await look();
  await machine.run(`rm -f /tmp/out; setsid ${APPLY} >/tmp/out 2>&1 & echo $! >/tmp/pid`);
  await until("grep -q '^let eth1 join' /tmp/out");
  await machine.run("kill -9 $(cat /tmp/pid)");
  await until(`[ -e ${STATE}/outcome ]`);
  assert.equal(await machine.run(`cat ${STATE}/outcome`), "taken-back\n");
  assert.equal(await look(), untouched);
});

test("what is confirmed stays, and hardly a ping is lost", { skip }, async (t) => {
  let output = "";
  const work = async () => {
    await machine.run(`rm -f /tmp/out; setsid ${APPLY} >/tmp/out 2>&1 &`);
    await until("grep -q '^Keep it' /tmp/out");
    output = await attempt(`${EVERBOOT} bond confirm`);
  };
  const pings = await ping(space, ADDRESS, { count: 200, intervalMs: 100, during: { at: 5, work } });
  t.diagnostic(`${pings.sent - pings.received} of ${pings.sent} pings lost; ${await machine.run("cat /tmp/out")}`);

  assert.match(output, /^kept; the old files are in \/var\/lib\/everboot\/bond-switch\/old\nexit 0$/m);
  assert.match(await machine.run("ip -4 -o address show dev bond0"), new RegExp(`${ADDRESS}/24`));
  assert.equal(await machine.run("ip -4 -o address show dev eth0"), "");
  assert.match(await machine.run("ip route"), /^default via 192.168.77.1 dev bond0/m);
  assert.match(await machine.run("ip route"), /^10.9.0.0\/16 via 192.168.77.2 dev bond0/m);
  assert.match(await attempt(`${EVERBOOT} bond status --json`), /"healthy":true.*exit 0$/ms);
  assert.equal(await machine.run(`cat ${STATE}/old/etc/network/interfaces`), INTERFACES);
  assert.ok(pings.sent - pings.received <= 10, `${pings.sent - pings.received} pings lost`);
});

test("the files that were written make the same bond at the next start", { skip }, async () => {
  const written = await machine.run("cat /etc/network/interfaces");
  assert.match(written, /^# The machine's own notes\.$/m);
  assert.match(written, /^iface dummy0 inet manual$/m);
  assert.doesNotMatch(written, /^iface eth0/m);
  await machine.run("ip link del bond0; rm -f /run/network/ifstate; ifup bond0");
  assert.match(await machine.run("ip -4 -o address show dev bond0"), new RegExp(`${ADDRESS}/24`));
  assert.match(await attempt(`${EVERBOOT} bond status --json`), /"healthy":true.*exit 0$/ms);
});

/** As before the first bond. */
function withoutBond(bond: string): Promise<string> {
  return machine.run(
    `ip link del ${bond}; ip address add ${ADDRESS}/24 dev eth0; ip link set eth0 up; ip route add default via ${ROUTER}`,
  );
}

test("Enter keeps it, in another mode and by another name", { skip }, async () => {
  await withoutBond("bond0");
  const enter = "{ until grep -q '^Keep it' /tmp/out; do sleep 0.1; done; echo; }";
  await machine.run("rm -f /tmp/out");
  await machine.run(`${enter} | ${EVERBOOT} bond apply uplink --members eth0,eth1 --mode 6 >/tmp/out`);
  assert.match(await machine.run("cat /tmp/out"), /^kept;/m);
  assert.match(await machine.run("cat /proc/net/bonding/uplink"), /^Bonding Mode: adaptive load balancing$/m);
  assert.match(await machine.run("ip -4 -o address show dev uplink"), new RegExp(`${ADDRESS}/24`));
});

test("--yes keeps what the router answers to, here 802.3ad before the switch speaks LACP", { skip }, async () => {
  await withoutBond("uplink");
  const output = await attempt(`${APPLY} --mode 802.3ad --lacp-rate fast --yes`);
  assert.match(output, /^warning: mode 802.3ad needs LACP on the switch/m);
  assert.match(output, /^kept;.*\nexit 0$/m);
  assert.match(await attempt(`${EVERBOOT} bond status`), /no LACP partner answers.*^exit 1$/ms);
});
