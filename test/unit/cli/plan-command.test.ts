/** A newcomer's task: another bond for one host, one line of the site file; `plan` and `render` show what it means. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Command, Io } from "../../../src/cli/command.ts";
import { planCommand } from "../../../src/cli/plan.ts";
import { renderCommand } from "../../../src/cli/render.ts";
import { HOST_FORMATS } from "../../../src/export/host-formats.ts";
import { exampleText } from "../../support/sites.ts";

const OLD_BOND = "bond: {mode: active-backup, miimon: 100}";
const NEW_BOND = "bond: {mode: 802.3ad, vlan: 100}";

/** A folder with the example before and after the change. */
function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "everboot-plan-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "old.yaml"), exampleText("single"));
  writeFileSync(join(folder, "new.yaml"), exampleText("single").replace(OLD_BOND, NEW_BOND));
  return folder;
}

async function run(command: Command, cwd: string, args: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  const io: Io = {
    out: (line) => void lines.push(...line.split("\n")),
    err: () => undefined,
    write: () => undefined,
    cwd,
    env: {},
    signal: new AbortController().signal,
    terminal: false,
    columns: 80,
  };
  assert.equal(await command.run(args, io), 0);
  return lines;
}

const trimmed = (lines: readonly string[]) => lines.map((line) => line.trim());

test("one line of the site file: what changes for the host, stage by stage", async (t) => {
  const lines = await run(planCommand, folderOf(t), ["vm1", "-c", "new.yaml", "--before", "old.yaml"]);
  assert.equal(lines[0], "vm1: new.yaml against old.yaml");
  const changes = trimmed(lines);
  for (const change of [
    "- \tbond-mode active-backup",
    "+ \tbond-mode 802.3ad",
    "+ auto bond0.100",
    "+ iface bond0.100 inet static",
    "- bond0 mode=active-backup miimon=100",
    "+ bond0 mode=802.3ad miimon=100",
    "+ bond0.100 VLAN 100 192.168.77.101/24",
  ]) {
    assert.ok(changes.includes(change), `${change}\n${lines.join("\n")}`);
  }
  const same = changes.find((line) => line.startsWith("as before:")) ?? "";
  for (const stage of ["dhcp", "script", "kernel", "answer"]) assert.match(same, new RegExp(`\\b${stage}\\b`));
});

test("another host is told that nothing changes", async (t) => {
  const lines = await run(planCommand, folderOf(t), ["vm2", "-c", "new.yaml", "--before", "old.yaml"]);
  assert.equal(lines.length, 2);
  assert.match(lines[1] ?? "", /^ {2}as before: dhcp, /);
});

test("without a daemon everything is new; a host that is nowhere is an error", async (t) => {
  const folder = folderOf(t);
  const lines = await run(planCommand, folder, ["vm1", "-c", "new.yaml", "--state", folder]);
  assert.equal(lines[0], "vm1: new.yaml against nothing, as no daemon runs here");
  assert.ok(
    trimmed(lines).includes(
      "+ address 192.168.77.101 of 192.168.77.0/24 for any of 52:54:00:00:00:01, 52:54:00:00:00:02",
    ),
  );
  await assert.rejects(
    run(planCommand, folder, ["vm9", "-c", "new.yaml", "--before", "old.yaml"]),
    /no host vm9 in the site file: neither in new\.yaml nor in old\.yaml/,
  );
  await assert.rejects(run(planCommand, folder, ["vm1", "--before", "old.yaml"]), /--before goes with -c FILE/);
});

test("every format can be rendered and explained, for either host", async (t) => {
  const folder = folderOf(t);
  for (const host of ["vm1", "vm2"]) {
    for (const format of HOST_FORMATS.keys()) {
      if (host === "vm2" && format === "modprobe") continue;
      const lines = await run(renderCommand, folder, [host, "--as", format, "-c", "new.yaml"]);
      assert.ok(lines.join("").length > 20, `${host} as ${format}`);
    }
  }
  const explained = await run(renderCommand, folder, ["vm1", "--as", "ifupdown", "--explain", "-c", "new.yaml"]);
  const mode = explained.find((line) => line.includes("bond-mode 802.3ad"));
  assert.match(mode ?? "", /<- hosts\.vm1\.bond\.mode$/);
});

test("a format that there is not is told with the nearest one", async (t) => {
  await assert.rejects(
    run(renderCommand, folderOf(t), ["vm1", "--as", "netplam", "-c", "new.yaml"]),
    /no format netplam: did you mean netplan\?/,
  );
});
