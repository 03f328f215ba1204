import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type MachineOptions, startMachine } from "../../lab/machine.ts";
import { Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { ConsoleProgress } from "../../lab/progress.ts";

const skip = namespaceObstacle() ?? packageObstacle("machines");
const folder = mkdtempSync(join(tmpdir(), "everboot-machine-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function withMachine(change: Partial<MachineOptions>, use: (options: MachineOptions) => Promise<void>) {
  const space = await Namespace.create("labvm");
  try {
    await space.bridge("br0", "192.168.77.1/24");
    const disk = join(folder, "disk.qcow2");
    const fixed = { space, bridge: "br0", name: "vm", firmware: "bios" as const, logDirectory: folder, disk };
    await use({ ...fixed, macs: ["52:54:00:00:00:01", "52:54:00:00:00:02"], memoryMb: 128, accel: "tcg", ...change });
  } finally {
    await space.remove();
  }
}

test("a machine asks the network on its first NIC, obeys its monitor, and leaves nothing", { skip }, async () => {
  await withMachine({}, async (options) => {
    const machine = await startMachine(options);
    const progress = new ConsoleProgress();
    for await (const chunk of machine.console) {
      if (progress.feed(chunk).some(({ stage }) => stage === "firmware")) break;
    }
    assert.match(await machine.monitor("info network"), /nic1:[\s\S]*vm-1/);
    await machine.stop();
    assert.equal((await machine.exited).signal, "SIGKILL");
    assert.equal(existsSync(`/proc/${machine.pid}`), false);
    assert.doesNotMatch(await options.space.ip("link show"), /vm-[01]/);
    assert.match(readFileSync(join(folder, "console.log"), "utf8"), /iPXE/);
  });
});

test("an emulator that refuses its machine is one line of trouble", { skip }, async () => {
  await withMachine({ macs: ["no address"] }, async (options) => {
    await assert.rejects(startMachine(options), { code: "lab-broken", message: /did not start: .*no address/ });
    assert.doesNotMatch(await options.space.ip("link show"), /vm-0/);
  });
});
