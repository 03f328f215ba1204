/** Foreign DHCP clients and a foreign relay agent against the DHCP server, in network namespaces of their own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type Namespace } from "../../lab/netns.ts";
import { DhcpRack, Lines, rackObstacle } from "../support/dhcp-rack.ts";

const NIC_1 = "52:54:00:00:00:01";
const NIC_2 = "52:54:00:00:00:02";
const STRANGER = "52:54:00:00:00:99";

/** Two subnets on two interfaces, a third behind a relay agent. */
const SITE = `
site: test
subnets:
  - {cidr: 192.168.77.0/24, router: 192.168.77.1, dns: [192.168.77.53], domain: lab.example, lease: 1h}
  - {cidr: 10.2.0.0/16, lease: 1h}
  - {cidr: 172.16.0.0/24}
  - {cidr: 10.3.0.0/24, router: 10.3.0.1}
unknown: ignore
servers:
  one: {address: 192.168.77.1}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts:
  vm1: {nics: ["${NIC_1}", "${NIC_2}"], address: 192.168.77.101, bond: {mode: active-backup}, profile: plain}
  vm3: {nics: ["52:54:00:00:00:03"], address: 192.168.77.103, profile: plain}
  near: {nics: ["52:54:00:00:00:04"], address: 10.2.0.4, profile: plain}
  far: {nics: ["52:54:00:00:00:05"], address: 10.3.0.5, profile: plain}
`;

/** Says what the client was told; takes the address, so that a renewal can be sent from it. */
const UDHCPC_SCRIPT = `#!/bin/sh
[ "$1" = bound ] && ip addr add "$ip/$mask" dev "$interface"
[ "$1" = deconfig ] && ip addr flush dev "$interface"
echo "$1 ip=$ip mask=$mask router=$router dns=$dns domain=$domain host=$hostname lease=$lease server=$serverid next=$siaddr file=$boot_file"
`;

const DHCLIENT_SCRIPT = `#!/bin/sh
echo "$reason ip=$new_ip_address server=$new_dhcp_server_identifier"
`;

const FROM_CLIENT = ["-f", "-n", "-t", "5", "-T", "2", "-i", "e0", "-s"];
const BIOS_ROM = ["-V", "PXEClient:Arch:00000:UNDI:002001", "-x", "0x5d:0000"];

async function setMac(space: Namespace, mac: string): Promise<void> {
  await space.ip(`link set e0 address ${mac}`);
}

/** Malformed, or with an expert note of severity "warning" (0x600000) or worse. */
const UNCLEAN = "_ws.malformed || _ws.expert.severity >= 0x600000";

const tools = ["udhcpc", "dhclient", "perfdhcp", "dhcrelay", "tcpdump", "tshark"];

test("real clients, two subnets, a relay agent", { skip: rackObstacle(...tools), timeout: 240_000 }, async (t) => {
  await using rack = await DhcpRack.create();
  const client = await rack.client("dhcpc", "s0", "192.168.77.1/24");
  const near = await rack.client("dhcpn", "s1", "10.2.0.1/16");
  const relay = await rack.client("dhcpr", "s2", "172.16.0.1/24");
  const udhcpcScript = await rack.script("udhcpc.sh", UDHCPC_SCRIPT);
  const dhclientScript = await rack.script("dhclient.sh", DHCLIENT_SCRIPT);
  const udhcpc = (space: Namespace, ...words: readonly string[]) =>
    new Lines(space.spawn("udhcpc", [...FROM_CLIENT, udhcpcScript, ...words]));
  await rack.serve(SITE);

  for (const nic of [NIC_1, NIC_2]) {
    await t.test(`udhcpc with ${nic} is vm1`, async () => {
      await setMac(client, nic);
      const bound = await udhcpc(client, "-q").match(/^bound/);
      assert.equal(
        bound,
        "bound ip=192.168.77.101 mask=24 router=192.168.77.1 dns=192.168.77.53 domain=lab.example host=vm1 lease=3600 " +
          "server=192.168.77.1 next= file=",
      );
      await client.ip("addr flush dev e0");
    });
  }

  await t.test("udhcpc renews by unicast, and its release is noted", async () => {
    await setMac(client, NIC_1);
    const lines = udhcpc(client);
    await lines.match(/^bound/);
    lines.child.kill("SIGUSR1");
    assert.match(await lines.match(/^renew/), /ip=192\.168\.77\.101 /);
    lines.child.kill("SIGUSR2");
    const released = await rack.event(/"kind":"release"/);
    assert.deepEqual([released.host, released.address, released.interface], ["vm1", "192.168.77.101", "s0"]);
    await lines.end();
    await client.ip("addr flush dev e0");
  });

  await t.test("a BIOS ROM's request is answered with its loader", async () => {
    const bound = await udhcpc(client, "-q", ...BIOS_ROM).match(/^bound/);
    assert.match(bound, /next=192\.168\.77\.1 file=undionly\.kpxe$/);
    assert.equal((await rack.event(/"kind":"ack".*undionly/)).client.stage, "firmware");
    await client.ip("addr flush dev e0");
  });

  await t.test("a stranger gets silence", async () => {
    await setMac(client, STRANGER);
    const lines = udhcpc(client, "-t", "2", "-T", "1");
    await lines.match(/no lease, failing/);
    assert.ok(!lines.all.some((line) => line.startsWith("bound")));
  });

  await t.test("dhclient", async () => {
    await setMac(client, NIC_2);
    const files = ["lf", "pf", "cf"].flatMap((name) => [`-${name}`, join(rack.folder, `dhclient.${name}`)]);
    await rack.script("dhclient.cf", "");
    const lines = new Lines(client.spawn("dhclient", ["-4", "-d", "-1", "-sf", dhclientScript, ...files, "e0"]));
    assert.equal(await lines.match(/^BOUND/), "BOUND ip=192.168.77.101 server=192.168.77.1");
    await lines.end();
  });

  await t.test(
    "a client on the other interface gets the other subnet's address, from the server's address there",
    async () => {
      await setMac(near, "52:54:00:00:00:04");
      const bound = await udhcpc(near, "-q").match(/^bound/);
      assert.match(bound, /ip=10\.2\.0\.4 mask=16 router= dns=10\.2\.0\.1 .*server=10\.2\.0\.1 /);
      assert.equal((await rack.event(/"address":"10.2.0.4"/)).interface, "s1");
    },
  );

  await t.test("perfdhcp, which speaks as a relay agent", async () => {
    await client.ip("addr add 192.168.77.50/24 dev e0");
    const load = [
      "-4",
      "-l",
      "e0",
      "-b",
      `mac=${NIC_1}`,
      "-R",
      "3",
      "-r",
      "50",
      "-n",
      "60",
      "-W",
      "500000",
      "192.168.77.1",
    ];
    const report = await client.exec("perfdhcp", load);
    assert.deepEqual(report.match(/drops: \d+/g), ["drops: 0", "drops: 0"]);
    assert.deepEqual(report.match(/received packets: \d+/g), ["received packets: 60", "received packets: 60"]);
  });

  await t.test("behind a relay agent", async () => {
    const far = await rack.space("dhcpf");
    await connect(relay, "r1", far, "e0");
    await relay.ip("addr add 10.3.0.1/24 dev r1");
    await relay.ip("addr add 172.16.0.2/24 dev e0");
    await rack.server.ip("route add 10.3.0.0/24 via 172.16.0.2");
    await setMac(far, "52:54:00:00:00:05");
    const words = ["-4", "-d", "--no-pid", "-a", "-id", "r1", "-iu", "e0", "172.16.0.1"];
    const agent = new Lines(relay.spawn("dhcrelay", words));
    await agent.match(/Sending on\s+Socket/);
    assert.match(await udhcpc(far, "-q").match(/^bound/), /ip=10\.3\.0\.5 mask=24 router=10\.3\.0\.1 .*host=far /);
    assert.deepEqual((await rack.event(/"address":"10.3.0.5"/)).relay, "10.3.0.1");
    await agent.end();
  });

  const counters = await rack.stop();
  await t.test("the server's own account", () => {
    assert.equal(counters["drop.unknown-host"], 2);
    assert.deepEqual(
      Object.keys(counters).filter((name) => name.startsWith("drop.")),
      ["drop.unknown-host"],
    );
  });

  await t.test("every packet of the capture decodes cleanly", async () => {
    assert.deepEqual(await rack.inCapture(UNCLEAN, "frame.number"), []);
    const replies = await rack.inCapture(
      "dhcp.type == 2",
      "dhcp.option.dhcp",
      "ip.dst",
      "dhcp.ip.your",
      "dhcp.hw.mac_addr",
    );
    assert.ok(replies.length > 120, `${replies.length} replies`);
    assert.ok(
      replies.some(([type, to, given]) => type === "2" && to === given && given === "192.168.77.101"),
      "an offer was sent to the address that its client did not have yet",
    );
    assert.deepEqual(
      replies.filter(([, , , mac]) => mac === STRANGER),
      [],
    );
    const relayed = await rack.inCapture("dhcp.type == 2 && ip.dst == 10.3.0.1", "dhcp.option.type");
    for (const [types] of relayed) assert.match(types ?? "", /,82,0$/, "tshark lists the end mark as 0");
    assert.equal(relayed.length, 2);
  });
});

/** The company's DHCP server would stand beside ours; here it is absent, which a proxy does not mind. */
const PROXY_SITE = `
site: test
subnets:
  - {cidr: 192.168.77.0/24, dhcp: proxy}
unknown: ignore
servers:
  one: {address: 192.168.77.1}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts:
  vm1: {nics: ["${NIC_1}"], address: 192.168.77.101, profile: plain}
`;

test("proxy mode offers a file and no address; a second server is refused", {
  skip: rackObstacle("udhcpc", "tcpdump", "tshark"),
}, async () => {
  await using rack = await DhcpRack.create();
  const client = await rack.client("dhcpp", "s0", "192.168.77.1/24");
  const script = await rack.script("udhcpc.sh", UDHCPC_SCRIPT);
  await rack.serve(PROXY_SITE);
  await rack.startServer(PROXY_SITE).match(/UDP port 67 on s0 is in use/);
  await setMac(client, NIC_1);
  const words = ["-f", "-n", "-t", "1", "-T", "1", "-i", "e0", "-s", script];
  await new Lines(client.spawn("udhcpc", words)).match(/no lease, failing/);
  const asRom = new Lines(client.spawn("udhcpc", [...words, ...BIOS_ROM]));
  const offered = await rack.event(/"kind":"offer"/);
  assert.deepEqual([offered.host, offered.address, offered.file], ["vm1", undefined, "undionly.kpxe"]);
  await asRom.end();
  const counters = await rack.stop();
  assert.ok(Object.hasOwn(counters, "drop.not-for-proxy"), "the ordinary client was heard");
  const offers = await rack.inCapture(
    "dhcp.option.dhcp == 2",
    "ip.dst",
    "dhcp.ip.your",
    "dhcp.option.vendor_class_id",
    "dhcp.option.vendor.pxeclient.discovery_control",
  );
  assert.deepEqual(offers[0]?.slice(0, 3), ["255.255.255.255", "0.0.0.0", "PXEClient"]);
  assert.equal(Number(offers[0]?.[3]), 8);
  assert.deepEqual(await rack.inCapture(UNCLEAN, "frame.number"), []);
});
