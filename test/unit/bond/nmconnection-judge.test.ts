/**
 * NetworkManager's own reader, by `nmcli --offline`: it takes a keyfile, checks it and writes it again. It drops keys
 * and values that it does not know, so what it wrote must have all that we wrote.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import type { NetworkPlan } from "../../../src/bond/model.ts";
import { renderNmconnection } from "../../../src/bond/nmconnection.ts";
import { hostNetwork } from "../../../src/os/network.ts";
import { arbitraryPlan } from "../../support/arbitrary-plan.ts";
import { matrixHosts } from "../../support/bond-matrix.ts";
import { Ini } from "../../support/bond-readers-networkd.ts";
import { packagedJudge } from "../../support/judges.ts";

const judge = packagedJudge("network-manager", "usr/bin/nmcli");
const library = packagedJudge("libnm0", "usr/lib");
const skip = judge.obstacle ?? library.obstacle;
const SECTIONS = ["connection", "ethernet", "bond", "vlan", "ipv4", "ipv6"];

/** `usr/lib/x86_64-linux-gnu` or its like. */
function libraryPath(): string {
  return readdirSync(library.path)
    .map((name) => join(library.path, name))
    .join(":");
}

function reread(text: string) {
  return spawnSync(judge.path, ["--offline", "connection", "modify", "connection.stable-id", "judged"], {
    input: text,
    encoding: "utf8",
    env: { ...process.env, LD_LIBRARY_PATH: libraryPath() },
  });
}

/** In capitals, as NetworkManager writes MAC addresses. */
function entries(text: string): string[] {
  const ini = new Ini(text);
  return SECTIONS.flatMap((section) =>
    ini.entries(section).map(([key, value]) => `[${section}] ${key}=${value}`.toUpperCase()),
  );
}

/** What NetworkManager drops of a keyfile that it takes. */
function lost(text: string): string[] {
  const { status, stdout, stderr } = reread(text);
  assert.equal(status, 0, stderr);
  const kept = new Set(entries(stdout));
  return entries(text).filter((entry) => !kept.has(entry));
}

function assertTaken(plan: NetworkPlan): void {
  for (const { path, text } of renderNmconnection(plan)) assert.deepEqual(lost(text), [], path);
}

for (const host of matrixHosts({ family: "debian", release: "bookworm" })) {
  test(`NetworkManager keeps all that we write for ${host.name}`, { skip }, () => {
    assertTaken(hostNetwork(host, host.nics[0]));
  });
}

test("NetworkManager keeps all that we write for any plan", { skip }, () => {
  fc.assert(fc.property(arbitraryPlan(), assertTaken), { numRuns: 20 });
});

test("NetworkManager refuses the bad twin", { skip }, () => {
  const bad = fileURLToPath(new URL("../../fixtures/judges/bond-bad.nmconnection", import.meta.url));
  const { status, stderr } = reread(readFileSync(bad, "utf8"));
  assert.notEqual(status, 0);
  assert.match(stderr, /'primary' option is only valid/);
});

test("NetworkManager drops a mode that does not exist, which is seen", { skip }, () => {
  const text = "[connection]\nid=b\ntype=bond\ninterface-name=b\n\n[bond]\nmode=active-backupx\n";
  assert.deepEqual(lost(text), ["[BOND] MODE=ACTIVE-BACKUPX"]);
});
