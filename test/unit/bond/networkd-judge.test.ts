/**
 * systemd-networkd itself, started on our files in a network and a mount namespace of its own, where it finds nothing
 * but a loopback device. What it does not understand it tells at its start.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ConfigFile } from "../../../src/bond/model.ts";
import { renderNetworkd } from "../../../src/bond/networkd.ts";
import { hostNetwork } from "../../../src/os/network.ts";
import { matrixHosts } from "../../support/bond-matrix.ts";
import { installedJudge } from "../../support/judges.ts";

const judge = installedJudge("/usr/lib/systemd/systemd-networkd");
const namespaces = () =>
  spawnSync("unshare", ["--net", "--mount", "mount", "-t", "tmpfs", "none", "/run"]).status === 0;
const skip = judge.obstacle ?? (namespaces() ? undefined : "needs root and namespaces");
const work = mkdtempSync(join(tmpdir(), "everboot-networkd-"));
after(() => rmSync(work, { recursive: true }));

/** `$0` is the folder of the files, `$1` the daemon. The empty /run hides the machine's own bus from it. */
const IN_NAMESPACES = 'mount --bind "$0" /etc/systemd/network && mount -t tmpfs none /run && exec "$1"';
const DEADLINE_SECONDS = 30;

/** Lines in which networkd complains of the files. */
async function complaints(name: string, files: readonly Pick<ConfigFile, "path" | "text">[]): Promise<string[]> {
  const folder = join(work, name);
  mkdirSync(folder);
  for (const { path, text } of files) writeFileSync(join(folder, basename(path)), text);
  // The daemon gives up being root before it reads.
  for (const path of [work, folder]) chmodSync(path, 0o755);
  const command = ["--net", "--mount", "sh", "-c", IN_NAMESPACES, folder, judge.path];
  const daemon = spawn("unshare", command, {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: DEADLINE_SECONDS * 1000,
    killSignal: "SIGKILL",
  });
  try {
    return (await startLines(daemon)).filter((line) => line.includes("/etc/systemd/network/"));
  } finally {
    daemon.kill("SIGKILL");
  }
}

/** Everything up to the line which says that it has read its files. */
async function startLines({ stderr }: ChildProcess): Promise<string[]> {
  assert.ok(stderr);
  const lines: string[] = [];
  for await (const line of createInterface({ input: stderr })) {
    if (line.includes("Enumeration completed")) return lines;
    lines.push(line);
  }
  throw new Error(`systemd-networkd did not start: ${lines.join("\n")}`);
}

for (const host of matrixHosts({ family: "debian", release: "bookworm" })) {
  test(`networkd understands every line for ${host.name}`, { skip }, async () => {
    const files = renderNetworkd(hostNetwork(host, host.nics[0])).filter(({ path }) => !path.endsWith(".link"));
    assert.deepEqual(await complaints(host.name, files), []);
  });
}

test("networkd ignores each line of the bad twin", { skip }, async () => {
  const bad = fileURLToPath(new URL("../../fixtures/judges/bond-bad.netdev", import.meta.url));
  const found = await complaints("bad", [{ path: "bond-bad.netdev", text: readFileSync(bad, "utf8") }]);
  assert.match(found.join("\n"), /:6: .*active-backupx/);
  assert.match(found.join("\n"), /:7: Unknown key .*MIIMonitor/);
});

test("networkd ignores what we say that it lacks", { skip }, async () => {
  const text = "[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nARPValidate=filter\nTransmitHashPolicy=vlan+srcmac\n";
  const found = await complaints("lacks", [{ path: "lacks.netdev", text }]);
  assert.match(found.join("\n"), /:6: .*filter/);
  assert.match(found.join("\n"), /:7: .*vlan\+srcmac/);
});
