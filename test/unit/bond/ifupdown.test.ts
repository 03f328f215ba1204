import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { renderIfupdown, renderIfupdownBond } from "../../../src/bond/ifupdown.ts";
import { BOND_MODES } from "../../../src/site/model.ts";

const FIRST = "52:54:00:00:00:01" as Mac;
const SECOND = "52:54:00:00:00:02" as Mac;
const nicName = (mac: Mac) => (mac === FIRST ? "enp0s3" : "enp0s4");
const address = {
  address: "192.168.77.101" as Ipv4,
  cidr: { base: "192.168.77.0" as Ipv4, prefix: 24 },
  router: "192.168.77.1" as Ipv4,
  dns: ["192.168.77.1", "192.168.77.2"] as Ipv4[],
  domain: "lab.example",
};
const bond = { mode: "active-backup", miimon: 100, primary: SECOND, members: [FIRST, SECOND] } as const;

test("a single NIC with everything a subnet can say", () => {
  assert.equal(
    renderIfupdown("enp0s3", address),
    `auto lo
iface lo inet loopback

auto enp0s3
iface enp0s3 inet static
	address 192.168.77.101/24
	gateway 192.168.77.1
	dns-nameservers 192.168.77.1 192.168.77.2
	dns-search lab.example
`,
  );
});

test("what the subnet does not say is left out", () => {
  const bare = { address: address.address, cidr: address.cidr, dns: [] };
  assert.match(renderIfupdown("enp0s3", bare), /iface enp0s3 inet static\n\taddress 192\.168\.77\.101\/24\n$/);
});

test("a bond names its members and is pinned to its primary's address", () => {
  assert.deepEqual(renderIfupdownBond(bond, nicName), [
    "bond-slaves enp0s3 enp0s4",
    "bond-mode active-backup",
    "bond-miimon 100",
    "bond-primary enp0s4",
    `hwaddress ${SECOND}`,
  ]);
});

test("a bond without a primary is pinned to its first member's address", () => {
  const options = renderIfupdownBond({ mode: "802.3ad", miimon: 50, members: [FIRST, SECOND] }, nicName);
  assert.deepEqual(options, ["bond-slaves enp0s3 enp0s4", "bond-mode 802.3ad", "bond-miimon 50", `hwaddress ${FIRST}`]);
});

for (const mode of BOND_MODES) {
  test(`ifquery reads a ${mode} bond back`, { skip: ifqueryObstacle() }, (t) => {
    const folder = mkdtempSync(join(tmpdir(), "everboot-ifupdown-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "interfaces");
    writeFileSync(file, renderIfupdown("bond0", address, { bond: { ...bond, mode }, nicName }));
    const read = spawnSync("ifquery", ["-i", file, "bond0"], { encoding: "utf8" });
    assert.equal(read.stderr, "");
    const lines = read.stdout.split("\n");
    for (const line of ["bond-slaves: enp0s3 enp0s4", `bond-mode: ${mode}`, "gateway: 192.168.77.1"]) {
      assert.ok(lines.includes(line), `${line} in ${read.stdout}`);
    }
  });
}

function ifqueryObstacle(): string | false {
  return spawnSync("ifquery", ["--version"]).error ? "needs the program ifquery (package ifupdown)" : false;
}
