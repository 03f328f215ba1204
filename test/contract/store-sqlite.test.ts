import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { describeStore } from "./store.ts";

const folder = await mkdtemp(join(tmpdir(), "everboot-store-"));
after(() => rm(folder, { recursive: true }));
let count = 0;

describeStore("sqlite", () => {
  count += 1;
  return openSqliteStore(join(folder, `${count}.db`));
});
