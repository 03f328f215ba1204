import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HOST_STATES, type HostState } from "../../../src/cluster/status.ts";
import { filterFleet, filterQuery, NO_FILTER, readFilter, sortHosts } from "../../../web/src/filter.ts";
import { changeFleet, countStates, describeChanges, findTroubles, startFleet } from "../../../web/src/fleet.ts";
import type { HostSummary } from "../../../web/src/shapes.ts";
import { STATE_LOOKS, STATES_IN_ORDER } from "../../../web/src/state-look.ts";
import { CAUSES } from "../../support/web-fleet.ts";

function host(name: string, state: HostState = "idle", more: Partial<HostSummary> = {}): HostSummary {
  return { host: name, profile: "web", state, ...more };
}

function fleetOf(...hosts: HostSummary[]) {
  return startFleet({ now: 0, server: "one", site: "lab", hosts });
}

test("machines stand in the order of the numbers in their names", () => {
  assert.deepEqual(fleetOf(host("n10"), host("n9"), host("m1")).names, ["m1", "n9", "n10"]);
  assert.deepEqual(fleetOf(host("n1"), host("n01")).names, fleetOf(host("n01"), host("n1")).names);
});

const summaries = fc.uniqueArray(
  fc.record({
    host: fc.stringMatching(/^[a-c][0-9]{1,2}$/),
    profile: fc.constant("web"),
    state: fc.constantFrom(...HOST_STATES),
  }),
  { selector: ({ host: name }) => name },
);

test("a fleet that is changed is the fleet that one would begin with", () => {
  fc.assert(
    fc.property(summaries, summaries, fc.nat(4), (first, news, leaving) => {
      const gone = first.slice(0, leaving).map(({ host: name }) => name);
      const changed = changeFleet(fleetOf(...first), { gone, hosts: news });
      const kept = first.filter(({ host: name }) => !gone.includes(name) && !news.some((one) => one.host === name));
      const begun = fleetOf(...kept, ...news);
      assert.deepEqual(changed.names, begun.names);
      assert.deepEqual(
        changed.names.map((name) => changed.hosts.get(name)),
        begun.names.map((name) => begun.hosts.get(name)),
      );
    }),
  );
});

test("an older fleet stays as it was", () => {
  const before = fleetOf(host("a", "booting"));
  changeFleet(before, { hosts: [host("a", "failed"), host("b")], gone: [] });
  assert.deepEqual([before.names, before.hosts.get("a")?.state], [["a"], "booting"]);
});

test("states are counted, also those that nobody is in", () => {
  const counts = countStates([host("a", "failed"), host("b", "failed"), host("c", "local")]);
  assert.deepEqual([counts.failed, counts.local, counts.verified], [2, 1, 0]);
});

test("every state has a look, and no two the same letter", () => {
  assert.deepEqual([...STATES_IN_ORDER].sort(), [...HOST_STATES].sort());
  assert.equal(new Set(Object.values(STATE_LOOKS).map(({ letter }) => letter)).size, HOST_STATES.length);
});

test("troubles are told by cause, the most machines first, expired permits last", () => {
  const troubles = findTroubles([
    ...["a", "b", "c"].map((name) => host(name, "expired", { cause: CAUSES.expired })),
    host("d", "failed", { cause: CAUSES.failed }),
    host("e", "stalled", { cause: CAUSES.stalled }),
    host("f", "stalled", { cause: CAUSES.stalled }),
    host("g", "failed"),
    host("h", "installing"),
  ]);
  assert.deepEqual(
    troubles.map(({ id, hosts }) => `${id} ${hosts.map((each) => each.host).join("")}`),
    ["lacp-port-blocked ef", "failed g", "mirror-file-absent d", "permit-expired abc"],
  );
  assert.equal(troubles[0]?.todo, CAUSES.stalled.todo);
});

test("a reader is told of machines that came into trouble or were verified, and of nothing else", () => {
  const before = fleetOf(
    host("a", "booting"),
    host("b", "failed"),
    ...["c", "d", "e", "f"].map((name) => host(name, "installed")),
  );
  const changed = [
    host("a", "stalled"),
    host("b", "failed"),
    ...["c", "d", "e", "f"].map((name) => host(name, "verified")),
  ];
  assert.equal(describeChanges(before, changed), "a stalled; 4 machines verified");
  assert.equal(describeChanges(before, [host("a", "installing"), host("b", "failed")]), "");
});

test("the filter wants every word, and one of the states", () => {
  const fleet = fleetOf(
    host("rack1-a", "failed", { profile: "db", server: "one" }),
    host("rack1-b", "installing", { server: "two" }),
    host("rack2-a", "failed", { cause: CAUSES.failed }),
  );
  const names = (text: string, ...states: HostState[]) => filterFleet(fleet, { text, states }).map((each) => each.host);
  assert.deepEqual(names(""), ["rack1-a", "rack1-b", "rack2-a"]);
  assert.deepEqual(names("RACK1  one"), ["rack1-a"]);
  assert.deepEqual(names("", "failed"), ["rack1-a", "rack2-a"]);
  assert.deepEqual(names("mirror-file"), ["rack2-a"]);
  assert.deepEqual(names("rack1", "installing"), ["rack1-b"]);
  assert.deepEqual(names("nobody"), []);
});

test("a filter comes back from the address as it went there", () => {
  fc.assert(
    fc.property(fc.string(), fc.uniqueArray(fc.constantFrom(...STATES_IN_ORDER)), (text, chosen) => {
      const states = STATES_IN_ORDER.filter((state) => chosen.includes(state));
      assert.deepEqual(readFilter(filterQuery({ text, states })), { text, states });
    }),
  );
  assert.equal(filterQuery(NO_FILTER), "");
  assert.deepEqual(readFilter("?state=failed,bogus"), { text: "", states: ["failed"] });
});

test("sorting: numbers by value, states by need, and what has no value last either way", () => {
  const hosts = [host("n10", "local", { rate: 5 }), host("n9", "failed"), host("n1", "booting", { rate: 90 })];
  const sorted = (key: "host" | "state" | "rate", descending = false) =>
    sortHosts(hosts, { key, descending }).map((each) => each.host);
  assert.deepEqual(sorted("host"), ["n1", "n9", "n10"]);
  assert.deepEqual(sorted("state"), ["n9", "n1", "n10"]);
  assert.deepEqual(sorted("rate"), ["n10", "n1", "n9"]);
  assert.deepEqual(sorted("rate", true), ["n1", "n10", "n9"]);
});
