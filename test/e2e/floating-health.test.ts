/** The daemon's health, asked of its real listeners, and of a store on a disk that is really full. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Ipv4 } from "../../src/base/address.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { Health } from "../../src/cluster/health.ts";
import { httpEar, tftpEar } from "../../src/cluster/health-ears.ts";
import { watchWrites } from "../../src/cluster/health-store.ts";
import { createTftpServer } from "../../src/server/tftp/server.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { startHttp } from "../support/http-folder.ts";
import { until } from "./floating-lab.ts";

const LOCAL = "127.0.0.1" as Ipv4;
const writable = { failure: () => undefined };

test("listeners that answer are well, and leave no trace but counters; one that is closed is deaf", async () => {
  await using http = await startHttp({});
  const observer = {
    started: () => assert.fail("a transfer"),
    ended: () => assert.fail("a transfer"),
    request: () => {},
  };
  const resolve = () => assert.fail("a file was looked for");
  const tftp = createTftpServer({
    ...{ address: LOCAL, port: 0, resolve, observer, clock: systemClock, log: silentLog },
  });
  await tftp.start();
  // Only the answers themselves count here, not the figures beside them.
  const ears = [httpEar(LOCAL, http.port, () => ({})), tftpEar(LOCAL, () => ({}), tftp.port)];
  const health = new Health({ clock: systemClock, ears, store: writable });
  health.start();
  try {
    await until("both were asked often", () =>
      [http.server.counters()["status.400"], tftp.counters()["error.mode"]].every((count = 0) => count >= 8),
    );
    assert.deepEqual([health.isWell(), health.troubles()], [true, []]);
    assert.deepEqual(http.recorder.transfers, []);
    await tftp.stop();
    await until("TFTP is deaf", () => health.isDeaf());
    assert.equal(health.troubles().length, 1);
    assert.match(health.troubles().join(), /^TFTP 127\.0\.0\.1/);
    await http.server.stop();
    await until("HTTP is deaf as well", () => health.troubles().length === 2);
  } finally {
    health.stop();
    await tftp.stop();
  }
});

test("a full disk is noticed by the first commit, and room on it too", { skip: smallDiskObstacle() }, async (t) => {
  const disk = mkdtempSync(join(tmpdir(), "everboot-disk-"));
  mount(disk);
  const store = watchWrites(await openSqliteStore(join(disk, "state.db")), systemClock);
  t.after(async () => {
    await store.close();
    spawnSync("umount", [disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  const report = (number: number) =>
    store.commit({ put: [{ key: `a/${number}`, value: JSON.stringify("x".repeat(9000)) }] });
  await report(0);
  const filler = join(disk, "filler");
  fill(filler);
  await assert.rejects(async () => {
    for (let number = 1; number < 1000; number++) await report(number);
  });
  assert.notEqual(store.failure(), undefined);
  rmSync(filler);
  await until("it tries again by itself", () => store.failure() === undefined);
  await report(1);
});

function mount(folder: string): void {
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "everboot-test", folder]);
  assert.equal(status, 0, String(stderr));
}

function smallDiskObstacle(): string | undefined {
  return process.getuid?.() === 0 ? undefined : "needs root, to mount a small disk";
}

/** Until nothing more goes on it. */
function fill(path: string): void {
  for (const size of [1 << 16, 1 << 12]) {
    try {
      for (;;) writeFileSync(path, new Uint8Array(size), { flag: "a" });
    } catch {
      // full, for pieces of this size
    }
  }
}
