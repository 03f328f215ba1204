/** Netplan's own generator: it takes what we write, and makes of it what we mean. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import type { ConfigFile, NetworkPlan } from "../../../src/bond/model.ts";
import { renderNetplan } from "../../../src/bond/netplan.ts";
import { renderNetworkd } from "../../../src/bond/networkd.ts";
import { hostNetwork } from "../../../src/os/network.ts";
import { arbitraryPlan } from "../../support/arbitrary-plan.ts";
import { matrixHosts } from "../../support/bond-matrix.ts";
import { type ReadPlan, readNetworkd } from "../../support/bond-readers-networkd.ts";
import { installedJudge, runJudge, type Verdict } from "../../support/judges.ts";

const judge = installedJudge("/usr/libexec/netplan/generate");
const skip = judge.obstacle;
const work = mkdtempSync(join(tmpdir(), "everboot-netplan-"));
after(() => rmSync(work, { recursive: true }));
let runs = 0;

function generate(text: string): Verdict & { readonly files: readonly Pick<ConfigFile, "path" | "text">[] } {
  runs += 1;
  const root = join(work, String(runs));
  mkdirSync(join(root, "etc/netplan"), { recursive: true });
  const input = join(root, "etc/netplan/01-everboot.yaml");
  writeFileSync(input, text);
  chmodSync(input, 0o600);
  const verdict = runJudge(judge.path, ["--root-dir", root]);
  if (verdict.code !== 0) return { ...verdict, files: [] };
  const output = join(root, "run/systemd/network");
  const files = readdirSync(output).sort();
  return { ...verdict, files: files.map((path) => ({ path, text: readFileSync(join(output, path), "utf8") })) };
}

/** Devices by name: files in a folder have no other order. */
function inOrder({ devices, ...plan }: ReadPlan): ReadPlan {
  return { ...plan, devices: devices.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

function assertTaken(plan: NetworkPlan): void {
  const [file] = renderNetplan(plan);
  const { code, output, files } = generate(file?.text ?? "");
  assert.equal(code, 0, output);
  assert.equal(output, "");
  assert.deepEqual(inOrder(readNetworkd(files)), inOrder(readNetworkd(renderNetworkd(plan))));
}

for (const host of matrixHosts({ family: "debian", release: "bookworm" })) {
  test(`netplan makes of ${host.name} what we write for networkd`, { skip }, () => {
    assertTaken(hostNetwork(host, host.nics[0]));
  });
}

test("netplan makes of any plan that it can express what we write for networkd", { skip }, () => {
  // To netplan 0 is nothing said; min_links 0 is the driver's default anyway.
  const expressible = arbitraryPlan().filter(({ bond }) => bond?.num_grat_arp !== 0 && bond?.min_links !== 0);
  fc.assert(fc.property(expressible, assertTaken), { numRuns: 30 });
});

test("netplan loses num_grat_arp 0, as we say that it does", { skip }, () => {
  const [host] = matrixHosts({ family: "debian", release: "bookworm" }).filter(({ bond }) => bond?.num_grat_arp === 3);
  assert.ok(host);
  const plan = hostNetwork(host, host.nics[0]);
  assert.ok(plan.bond);
  const text = (count: number) =>
    generate(
      renderNetplan({ ...plan, ...(plan.bond && { bond: { ...plan.bond, num_grat_arp: count } }) })[0]?.text ?? "",
    )
      .files.map((file) => file.text)
      .join("");
  assert.match(text(1), /^GratuitousARP=1$/m);
  assert.doesNotMatch(text(0), /^GratuitousARP=/m);
});

test("netplan refuses the bad twin", { skip }, () => {
  const bad = fileURLToPath(new URL("../../fixtures/judges/netplan-bond-bad.yaml", import.meta.url));
  const { code, output } = generate(readFileSync(bad, "utf8"));
  assert.notEqual(code, 0);
  assert.match(output, /unknown bond mode 'active-backupx'/);
});
