/** A daemon killed with kill -9: the next one gets the folder at once and knows all that the first had acknowledged. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/base/clock.ts";
import { openJournal } from "../../src/cluster/journal.ts";
import { openPermits } from "../../src/cluster/permits.ts";
import { lockState } from "../../src/cluster/state-folder.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";

const DAEMON = fileURLToPath(new URL("./state-daemon.ts", import.meta.url));
const LIFE = ["issued", "started", "writing", "used"];

const folder = await mkdtemp(join(tmpdir(), "everboot-takeover-"));
after(() => rm(folder, { recursive: true }));

/** What the daemon said was durable, by permit: the furthest state. */
async function killAfter(lines: number): Promise<Map<string, string>> {
  const daemon = spawn(process.execPath, [DAEMON, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(daemon, "close");
  const told = new Map<string, string>();
  let count = 0;
  for await (const line of createInterface({ input: daemon.stdout })) {
    const [id = "", state = ""] = line.split(" ");
    told.set(id, state);
    count += 1;
    if (count === 1) assert.throws(() => lockState(folder, process.pid), { code: "daemon-running" });
    if (count === lines) daemon.kill("SIGKILL");
  }
  await ended;
  assert.ok(count >= lines, "the daemon ended by itself");
  return told;
}

for (const lines of [1, 2, 3, 50, 51, 52, 53, 54]) {
  test(`killed after it acknowledged ${lines} changes`, async () => {
    const told = await killAfter(lines);
    const lock = lockState(folder, process.pid);
    const store = await openSqliteStore(lock.paths.store);
    const journal = await openJournal({ store, clock: systemClock });
    const permits = await openPermits({ store, clock: systemClock, journal, random: randomBytes });

    for (const permit of permits.all()) {
      const toldState = told.get(permit.id);
      assert.ok(
        toldState === undefined || LIFE.indexOf(permit.state) >= LIFE.indexOf(toldState),
        `${permit.id} went back`,
      );
      const handed = await permits.handOut(permit.host);
      assert.equal(handed.kind, permit.state === "issued" || permit.state === "started" ? "permit" : "none");
    }
    const events = ["vm1", "vm2", "vm3"].flatMap((host) => journal.events(host));
    for (const [id, state] of told) {
      const known = events.filter((event) => event.permit === id).map(({ what }) => what);
      for (const passed of LIFE.slice(0, LIFE.indexOf(state) + 1))
        assert.ok(known.includes(`permit-${passed}` as never));
    }

    await store.close();
    lock.release();
  });
}
