import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import type { Member } from "../../../src/cluster/members.ts";
import { readAppliedSite } from "../../../src/cluster/site-revisions.ts";
import { createSiteDesk, type Standing } from "../../../src/daemon-desk.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { exampleSite, exampleText } from "../../support/sites.ts";

const TEXT = exampleText("pair");
const SITE = exampleSite("pair");
const NEWER = TEXT.replace("lease: 4h", "lease: 1h");

function member(name: string, revision: string): [string, Member] {
  return [name, { name, revision, rate: 0, queue: 0, draining: false, fresh: true, outbox: 0 }];
}

function desk(standing: Partial<Standing> = {}, others: ReadonlyArray<[string, Member]> = []) {
  const store = createMemoryStore();
  const now: Standing = {
    ...{ served: { site: SITE, text: TEXT, number: 0 }, applied: undefined, refused: undefined },
    ...standing,
  };
  const it = createSiteDesk({
    ...{ server: "server1", store, clock: createFakeClock(5000), log: silentLog, standing: () => now },
    file: { path: "/etc/everboot/site.yaml", text: TEXT, site: SITE },
    members: () => new Map(others),
    isAlive: (name) => name === "server1" || others.some(([other]) => other === name),
  });
  return { ...it, store };
}

const APPLIED = {
  ...{ number: 4, revision: "new", text: NEWER, at: 9, by: "server2" },
  earlier: [{ number: 3, revision: SITE.revision }],
};

test("before anything was applied it tells of what this server serves", () => {
  const { number, revision, text, servers } = desk().report();
  assert.deepEqual([number, revision, text], [0, SITE.revision, TEXT]);
  assert.deepEqual(servers, [
    { name: "server1", alive: true, serves: { revision: SITE.revision } },
    { name: "server2", alive: false },
  ]);
});

test("it tells how far behind each server is, and why this one is", () => {
  const refused = { revision: "new", why: "an address is missing" };
  const { number, trouble, servers } = desk({ applied: APPLIED, refused }, [member("server2", "new")]).report();
  assert.deepEqual([number, trouble], [4, "an address is missing"]);
  assert.deepEqual(
    servers.map(({ serves }) => serves),
    [
      { revision: SITE.revision, number: 3 },
      { revision: "new", number: 4 },
    ],
  );
});

test("a server that restarts has told that it serves nothing", () => {
  const { servers } = desk({ applied: APPLIED }, [member("server2", "")]).report();
  assert.deepEqual(servers[1], { name: "server2", alive: true });
});

test("an old refusal is no trouble of a newer revision", () => {
  const refused = { revision: "older", why: "an address is missing" };
  assert.equal(desk({ applied: APPLIED, refused }).report().trouble, undefined);
});

test("a file is applied with its hash, by this server", async () => {
  const { apply, store } = desk();
  const revision = exampleSite("pair", () => NEWER).revision;
  assert.deepEqual(await apply({ text: NEWER, expected: 0 }), { number: 1, revision });
  assert.deepEqual(await readAppliedSite(store), {
    ...{ number: 1, revision, text: NEWER, at: 5000, by: "server1", earlier: [] },
  });
});

const REFUSED: ReadonlyArray<readonly [what: string, text: string, message: RegExp]> = [
  ["with problems", `${TEXT}\nhots: {}\n`, /^\/etc\/everboot\/site\.yaml has 1 problem\(s\)/],
  ["of another site", TEXT.replace("site: rh9", "site: rh8"), /^the file is for site rh8, this is rh9: /],
  ["without etcd", TEXT.replace(/^state: .*$/m, ""), /^the state of the site would move out of etcd: /],
];

for (const [what, text, message] of REFUSED) {
  test(`a file ${what} is refused`, async () => {
    const { apply, store } = desk();
    await assert.rejects(apply({ text, expected: 0 }), { message });
    assert.equal(await readAppliedSite(store), undefined);
  });
}
