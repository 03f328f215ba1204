import assert from "node:assert/strict";
import { test } from "node:test";
import { renderNetplan } from "../../../src/bond/netplan.ts";
import { explainLines } from "../../../src/export/explain.ts";
import { hostNetwork } from "../../../src/os/network.ts";
import type { Host } from "../../../src/site/model.ts";
import { exampleText } from "../../support/sites.ts";

const netplan = (host: Host) => renderNetplan(hostNetwork(host, host.nics[0]))[0]?.text ?? "";

/** Trimmed lines with the keys that they come from. */
function explained(text: string, host: string, render: (host: Host) => string = netplan) {
  const lines = explainLines({ text, path: "/site.yaml", host, render: (_site, each) => render(each) });
  return new Map(lines.map(({ line, keys }) => [line.trim(), keys]));
}

test("a line comes from the key that it changes with", () => {
  const keys = explained(exampleText("pair"), "fileserver");
  assert.deepEqual(keys.get("mode: active-backup"), ["hosts.fileserver.bond.mode"]);
  assert.deepEqual(keys.get("mii-monitor-interval: 100"), ["hosts.fileserver.bond.miimon"]);
  assert.deepEqual(keys.get("primary: nic0"), ["hosts.fileserver.bond.primary"]);
  assert.deepEqual(keys.get("- 192.168.0.159/24"), ["hosts.fileserver.address", "profiles.base.network"]);
  assert.deepEqual(keys.get("via: 192.168.0.1"), ["profiles.base.network", "subnets.0.router"]);
  assert.deepEqual(keys.get("version: 2"), []);
});

test("a MAC that is named in several keys is changed in all of them", () => {
  const keys = explained(exampleText("pair"), "fileserver");
  assert.deepEqual(keys.get("macaddress: 00:1a:64:98:a3:a6")?.includes("hosts.fileserver.nics.0"), true);
});

test("a policy is named where it is written", () => {
  const text = exampleText("single")
    .replace(/ {4}bond: .*\n/, "")
    .replace("hosts:\n", "bond: {mode: 802.3ad, lacp_rate: fast}\nhosts:\n");
  assert.deepEqual(explained(text, "vm1").get("lacp-rate: fast"), ["bond.mode", "bond.lacp_rate"]);
});

test("defaults have a key too, and so has the host's name", () => {
  const keys = explained(
    exampleText("single"),
    "vm2",
    (host) => `${host.name}\n${host.profile.keyboard}\n${host.profile.language}\nalways`,
  );
  assert.deepEqual([...keys.values()], [["hosts.vm2"], ["profiles.plain.keyboard"], ["profiles.plain.language"], []]);
});
