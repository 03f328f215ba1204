/**
 * Run by state-takeover.test.ts: takes the state folder, then issues permits, hands them out and takes reports without
 * end, and writes a line to standard output for each thing once it is durable: `permit id state`.
 */
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { openJournal } from "../../src/cluster/journal.ts";
import { openPermits } from "../../src/cluster/permits.ts";
import { lockState } from "../../src/cluster/state-folder.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";

async function runForever(folder: string): Promise<void> {
  const { paths } = lockState(folder, process.pid);
  const store = await openSqliteStore(paths.store);
  const journal = await openJournal({ store, clock: systemClock });
  const permits = await openPermits({ store, clock: systemClock, journal, random: randomBytes });
  const tell = (id: string, state: string) => writeSync(1, `${id} ${state}\n`);

  async function installForever(host: string): Promise<void> {
    for (;;) {
      const { id, token } = await permits.issue(host, { replace: true });
      tell(id, "issued");
      await permits.handOut(host);
      tell(id, "started");
      await permits.advance(token, "writing");
      tell(id, "writing");
      await permits.advance(token, "done");
      tell(id, "used");
    }
  }
  await Promise.all(["vm1", "vm2", "vm3"].map(installForever));
}

const folder = process.argv[2];
if (import.meta.main && folder !== undefined) await runForever(folder);
