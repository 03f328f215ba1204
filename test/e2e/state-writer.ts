/**
 * Run by state-kill.test.ts: commits numbered groups of keys without end, a few at a time, and writes the number of
 * each to standard output once its commit has resolved.
 */
import { writeSync } from "node:fs";
import { openSqliteStore } from "../../src/store/sqlite.ts";

export const KEYS_PER_COMMIT = 3;
const AT_A_TIME = 4;

async function writeForever(path: string): Promise<void> {
  const store = await openSqliteStore(path);
  let next = (await store.list("")).length / KEYS_PER_COMMIT;
  async function writeOne(): Promise<void> {
    const number = next;
    next += 1;
    const keys = Array.from({ length: KEYS_PER_COMMIT }, (_, part) => `${String(number).padStart(8, "0")}/${part}`);
    await store.commit({ put: keys.map((key) => ({ key, value: String(number) })) });
    writeSync(1, `${number}\n`);
  }
  for (;;) await Promise.all(Array.from({ length: AT_A_TIME }, writeOne));
}

const path = process.argv[2];
if (import.meta.main && path !== undefined) await writeForever(path);
