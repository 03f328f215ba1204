/** Whether a daemon serves by NFS, and what: by its site file at each moment. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { nfsServers } from "../../../src/daemon-nfs.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { exampleSite } from "../../support/sites.ts";

const withNfs = (path: string) =>
  exampleSite("single", (text) =>
    text.replace("    tree: debian-12", "    tree: debian-12\n    via: nfs").replace("./trees/debian-12", path),
  );
const about = { server: { name: "one" }, clock: createFakeClock(), log: silentLog };

test("no profile by NFS, no server for it", () => {
  assert.deepEqual(nfsServers({ ...about, site: () => exampleSite("single"), paths: { folder: "/nowhere" } }), []);
});

test("a tree that is there needs ganesha; without the program the start says which package has it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-nfs-"));
  t.after(() => rmSync(folder, { recursive: true }));
  let site = withNfs("/nowhere");
  const [server, ...more] = nfsServers({ ...about, site: () => site, paths: { folder }, searchPath: folder });
  assert.ok(server);
  assert.equal(more.length, 0);
  // No tree's folder is there: nothing is run, and nothing missed.
  await server.start();
  await server.stop();
  site = withNfs(folder);
  const [again] = nfsServers({ ...about, site: () => site, paths: { folder }, searchPath: folder });
  assert.ok(again);
  await assert.rejects(again.start(), { code: "tool-missing", message: /ganesha\.nfsd.*nfs-ganesha-vfs/ });
  await again.stop();
});
