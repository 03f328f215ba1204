import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseReport } from "../../../src/bond/report.ts";

const BOND = readFileSync(join(import.meta.dirname, "../../fixtures/proc-bonding/ab-6.1-going-back.txt"), "utf8");

/** As iproute2 of Debian 12 writes it, a line for each device. */
const LINKS = [
  String.raw`1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00`,
  String.raw`2: eth0: <BROADCAST,MULTICAST,SLAVE,UP,LOWER_UP> mtu 9000 qdisc fq_codel master bond0 state UP mode DEFAULT group default qlen 1000\    link/ether 52:54:00:12:34:01 brd ff:ff:ff:ff:ff:ff\    altname enp1s0`,
  String.raw`3: eth1: <BROADCAST,MULTICAST,SLAVE,UP,LOWER_UP> mtu 9000 qdisc fq_codel master bond0 state UP mode DEFAULT group default qlen 1000\    link/ether 52:54:00:12:34:01 brd ff:ff:ff:ff:ff:ff permaddr 52:54:00:12:34:02`,
  String.raw`4: bond0: <BROADCAST,MULTICAST,MASTER,UP,LOWER_UP> mtu 9000 qdisc noqueue state UP mode DEFAULT group default qlen 1000\    link/ether 52:54:00:12:34:01 brd ff:ff:ff:ff:ff:ff`,
  String.raw`5: bond0.100@bond0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\    link/ether 52:54:00:12:34:01 brd ff:ff:ff:ff:ff:ff`,
];
const ADDRESSES = [
  String.raw`1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever`,
  String.raw`1: lo    inet6 ::1/128 scope host noprefixroute \       valid_lft forever preferred_lft forever`,
  String.raw`5: bond0.100    inet 10.20.1.3/16 brd 10.20.255.255 scope global bond0.100\       valid_lft forever preferred_lft forever`,
  String.raw`6: ppp0    inet 10.9.0.2 peer 10.9.0.1/32 scope global ppp0\       valid_lft forever preferred_lft forever`,
];
const ROUTES = [
  "default via 10.20.0.1 dev bond0.100 proto static",
  "10.20.0.0/16 dev bond0.100 scope link src 10.20.1.3",
];
const WHOLE = [
  ...["== release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', 'NAME="Debian GNU/Linux"'],
  ...["== kernel", "6.1.0-44-amd64", "== bond bond0", ...BOND.trimEnd().split("\n")],
  ...["== links", ...LINKS, "== addresses", ...ADDRESSES, "== routes", ...ROUTES, "== end", ""],
].join("\n");

test("a whole report: each part in its place, nothing missing", () => {
  const { bonds, ...rest } = parseReport(WHOLE);
  assert.deepEqual(rest, {
    release: "Debian GNU/Linux 12 (bookworm)",
    kernel: "6.1.0-44-amd64",
    links: [
      { name: "lo", mtu: 65536 },
      { name: "eth0", master: "bond0", mtu: 9000, mac: "52:54:00:12:34:01" },
      { name: "eth1", master: "bond0", mtu: 9000, mac: "52:54:00:12:34:01", permanentMac: "52:54:00:12:34:02" },
      { name: "bond0", mtu: 9000, mac: "52:54:00:12:34:01" },
      { name: "bond0.100", parent: "bond0", mtu: 1500, mac: "52:54:00:12:34:01" },
    ],
    addresses: [
      { device: "lo", address: "127.0.0.1", prefix: 8 },
      { device: "bond0.100", address: "10.20.1.3", prefix: 16 },
      { device: "ppp0", address: "10.9.0.2", prefix: 32 },
    ],
    routes: [
      { to: "default", via: "10.20.0.1", device: "bond0.100" },
      { to: "10.20.0.0/16", device: "bond0.100" },
    ],
    missing: [],
  });
  const [bond] = bonds;
  assert.equal(bond?.name, "bond0");
  assert.ok(bond.text.kind === "bond");
  assert.deepEqual(
    bond.text.members.map(({ name, status }) => `${name} ${status}`),
    ["eth0 going back", "eth1 up"],
  );
});

test("carriage returns change nothing", () => {
  assert.deepEqual(parseReport(WHOLE.replaceAll("\n", "\r\n")), parseReport(WHOLE));
});

test("what a report lacks is said, wherever it is cut off", () => {
  const at = (mark: string) => parseReport(WHOLE.slice(0, WHOLE.indexOf(mark))).missing;
  assert.deepEqual(at("== end"), ["its end"]);
  assert.deepEqual(at("== routes"), ["the routes", "its end"]);
  assert.deepEqual(at("== addresses"), ["the addresses", "the routes", "its end"]);
  assert.deepEqual(parseReport("").missing, ["the links", "the addresses", "the routes", "its end"]);
});

test("a machine of an older release names it in one line", () => {
  assert.equal(
    parseReport("== release\nRed Hat Enterprise Linux Server release 6.10 (Santiago)\n").release,
    "Red Hat Enterprise Linux Server release 6.10 (Santiago)",
  );
});

test("a sender that is not to be trusted gets nothing past the parser", () => {
  const hostile = parseReport(
    [
      ...[
        "== release",
        'PRETTY_NAME="\u001b[2Jevil"',
        `== kernel\n${"6".repeat(5000)}`,
        "== bond ../../etc",
        "x",
        "== bond bond0",
      ],
      ...[
        "not a bond",
        "== links",
        "2: ../x: mtu 9",
        "3: eth0: <UP> mtu -1 master a/b link/ether zz:zz",
        "== addresses",
      ],
      ...[
        "3: eth0 inet 300.1.1.1/8",
        "3: eth0 inet 10.0.0.1/999",
        "== routes",
        "default via x dev /",
        "$(reboot) dev eth0",
      ],
      ...["== links", "4: eth9: mtu 1500"],
    ].join("\n"),
  );
  assert.equal(hostile.release, "[2Jevil");
  assert.equal(hostile.kernel?.length, 200);
  assert.deepEqual(hostile.bonds, [{ name: "bond0", text: { kind: "refused", why: "it has no line `Bonding Mode`" } }]);
  assert.deepEqual(hostile.links, [{ name: "eth0" }]);
  assert.deepEqual(hostile.addresses, []);
  assert.deepEqual(hostile.routes, [{ to: "default" }]);
});

test("a report that is far too long is read in part, and said to have no end", () => {
  const { missing, links } = parseReport(WHOLE.replace("== end", `${"x\n".repeat(600_000)}== end`));
  assert.deepEqual(missing, ["its end"]);
  assert.equal(links.length, 5);
});
