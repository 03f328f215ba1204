import assert from "node:assert/strict";
import { test } from "node:test";
import { isRunning, SILENT_MS } from "../../../src/cluster/admission-running.ts";
import type { Permit, PermitState } from "../../../src/cluster/permit-rules.ts";
import { AdmissionWorld, firstServer } from "./admission-world.ts";

const MINUTE = 60_000;
/** Time for a count of the installs to be taken anew. */
const COUNTED = 300;

const running: ReadonlyArray<[PermitState, boolean]> = [
  ["issued", false],
  ["started", true],
  ["writing", true],
  ["used", false],
  ["failed", false],
  ["expired", false],
  ["cancelled", false],
];
const permitIn = (state: PermitState): Permit => {
  return { ...{ id: "p", token: "t", host: "h", issued: 0, expires: 1e9, state, changed: 1000 }, handOuts: 1 };
};
for (const [state, expected] of running) {
  test(`a permit that is ${state} ${expected ? "is" : "is not"} a running install`, () => {
    assert.equal(
      isRunning(permitIn(state), 2000, () => undefined),
      expected,
    );
  });
}

test("an install without a sign for half an hour runs no more, one with signs runs on", () => {
  const permit = permitIn("writing");
  const late = permit.changed + SILENT_MS;
  assert.equal(
    isRunning(permit, late - 1, () => undefined),
    true,
  );
  assert.equal(
    isRunning(permit, late, () => undefined),
    false,
  );
  assert.equal(
    isRunning(permit, late, () => late - SILENT_MS + 1),
    true,
  );
});

test("a permit that has run out before its installer wrote is no running install", () => {
  assert.equal(
    isRunning({ ...permitIn("started"), expires: 1500 }, 2000, () => undefined),
    false,
  );
});

test("without limits everybody goes, to the first of its order", () => {
  const world = new AdmissionWorld({ servers: [0, 0], hosts: 20 });
  for (const host of world.site.hosts.keys()) assert.equal(world.says(host), `go ${firstServer(world, host)}`);
});

test("beyond the limit they wait in the order they came", () => {
  const world = new AdmissionWorld({ servers: [2] });
  const said = ["h3", "h1", "h4", "h0", "h2"].map((host) => {
    world.clock.advance(1);
    return world.says(host);
  });
  assert.deepEqual(said, ["go server1", "go server1", "wait 1 of 1", "wait 2 of 2", "wait 3 of 3"]);
  assert.equal(world.control().waiting(), 3);
});

test("the limit of a network holds over servers, and those of another network pass", () => {
  const world = new AdmissionWorld({ servers: [0, 0], networks: [1, 0] });
  assert.match(world.says("h0"), /^go/);
  assert.equal(world.says("h2"), "wait 1 of 1");
  assert.equal(world.says("h2", { by: "server2" }), "wait 1 of 1");
  assert.match(world.says("h1"), /^go/);
});

test("a place that becomes free is the longest waiter's, not a newcomer's", () => {
  const world = new AdmissionWorld({ servers: [1] });
  for (const host of ["h0", "h1", "h2"]) {
    world.says(host);
    world.clock.advance(1);
  }
  world.move("h0", "used");
  world.clock.advance(COUNTED);
  assert.deepEqual(
    ["h3", "h2", "h1"].map((host) => world.says(host)),
    ["wait 3 of 3", "wait 2 of 3", "go server1"],
  );
});

test("those who are about to be handed their permits count; one that could not be gives its place back", () => {
  const world = new AdmissionWorld({ servers: [1] });
  const first = world.control().ask(world.host("h0"));
  assert.equal(world.says("h1"), "wait 1 of 1");
  world.clock.advance(COUNTED);
  assert.equal(world.says("h1"), "wait 1 of 1");
  if (first.kind === "go") first.settle(false);
  assert.equal(world.says("h1"), "go server1");
});

test("a machine that starts over goes again, and takes no second place", () => {
  const world = new AdmissionWorld({ servers: [2] });
  for (let time = 0; time < 5; time++) assert.equal(world.says("h0"), "go server1");
  world.clock.advance(COUNTED);
  assert.equal(world.says("h0"), "go server1");
  assert.equal(world.says("h1"), "go server1");
});

test("a waiter that does not ask any more frees its place in the line", () => {
  const world = new AdmissionWorld({ servers: [1] });
  for (const host of ["h0", "h1", "h2"]) {
    world.says(host);
    world.clock.advance(1);
  }
  world.move("h0", "used");
  world.clock.advance(10_000);
  assert.equal(world.says("h2"), "wait 2 of 2");
  // h1 is dead: three pauses of 3 s and one stalled fetch after it asked.
  world.clock.advance(20_000);
  assert.equal(world.says("h2"), "go server1");
  assert.deepEqual(world.control().counters(), { "let-in": 2, "told-to-wait": 2, "lost-place": 1, waiting: 0 });
});

test("an heir keeps the order of those who say since when they wait", () => {
  const world = new AdmissionWorld({ servers: [1], hosts: 5 });
  const since = new Map<string, number>();
  for (const host of ["h0", "h1", "h2", "h3"]) {
    const told = world.ask(host);
    if (told.kind === "wait") since.set(host, told.since);
    world.clock.advance(1000);
  }
  world.restart("server1");
  const asked = ["h4", "h3", "h1", "h2"].map((host) => world.says(host, sinceOf(since.get(host))));
  assert.deepEqual(asked, ["wait 1 of 1", "wait 1 of 2", "wait 1 of 3", "wait 2 of 4"]);
});

const sinceOf = (since: number | undefined) => (since === undefined ? {} : { since });

test("nobody has waited since before its permit was issued, or since tomorrow", () => {
  const world = new AdmissionWorld({ servers: [1] });
  const start = world.clock.now();
  world.says("h0");
  world.clock.advance(5000);
  world.issue("h1");
  for (const [since, expected] of [
    [0, start + 5000],
    [start + 86_400_000, start + 5000],
  ] as const) {
    const told = world.ask("h1", { since });
    assert.equal(told.kind === "wait" && told.since, expected);
  }
});

test("a waiter is told to wait for the first time once, here or at an heir", () => {
  const world = new AdmissionWorld({ servers: [1, 0] });
  const isFirst = (host: string, options = {}) => {
    const told = world.ask(host, options);
    return told.kind === "wait" && told.isFirst;
  };
  const [a = "", b = ""] = [...world.site.hosts.keys()].filter((host) => firstServer(world, host) === "server1");
  world.says(a);
  assert.equal(isFirst(b), true);
  assert.equal(isFirst(b), false);
  assert.equal(isFirst(b, { by: "server2", since: world.clock.now() }), false);
});

test("who has no permit, or one that is used up, waits for nothing", () => {
  const world = new AdmissionWorld({ servers: [1] });
  world.says("h0");
  world.says("h1");
  world.move("h1", "cancelled");
  assert.equal(world.says("h1"), "none");
  assert.equal(world.control().waiting(), 0);
});

test("a dead server is passed over and its installs count at the next of their order", () => {
  const world = new AdmissionWorld({ servers: [0, 1], hosts: 12 });
  const [a = "", b = ""] = [...world.site.hosts.keys()].filter((host) => firstServer(world, host) === "server1");
  assert.equal(world.says(a, { by: "server2" }), "go server1");
  world.dead.add("server1");
  world.clock.advance(COUNTED);
  assert.equal(world.says(b, { by: "server2" }), "wait 1 of 1");
  assert.equal(world.says(a, { by: "server2" }), "go server2");
});

test("a server that is to be taken out of service gets no more, unless it is the last", () => {
  const world = new AdmissionWorld({ servers: [0, 0] });
  world.draining.add("server2");
  for (const host of ["h0", "h1", "h2", "h3"]) assert.equal(world.says(host), "go server1");
  world.draining.add("server1");
  assert.match(world.says("h5"), /^go/);
});

test("least-loaded goes where a place is, by installs that run and by what servers send", () => {
  const world = new AdmissionWorld({ balance: "least-loaded", servers: [3, 30], hosts: 33 });
  const counts = new Map<string, number>();
  for (const host of world.site.hosts.keys()) {
    const said = world.says(host);
    counts.set(said, (counts.get(said) ?? 0) + 1);
    // Both servers ask, and each has its part of what is free.
    world.clock.advance(2500);
  }
  assert.deepEqual([...counts].sort(), [
    ["go server1", 3],
    ["go server2", 30],
  ]);
});

test("least-loaded sends fewer to a server that sends much", () => {
  const world = new AdmissionWorld({ balance: "least-loaded", servers: [0, 0], hosts: 400 });
  world.rates.set("server1", 90e6).set("server2", 10e6);
  // Only orders: nothing is handed out, so installs stay even.
  const said = [...world.site.hosts.values()].map((host) => {
    const admission = world.control().ask(host);
    if (admission.kind === "go") admission.settle(false);
    return admission.kind === "go" ? admission.server : "";
  });
  const toSecond = said.filter((server) => server === "server2").length;
  assert.ok(toSecond > 220 && toSecond < 300, `${toSecond}`);
});

test("two that are short of different things do not stop each other, and the first of all comes in", () => {
  // h0, h2, ... are in the network with one place, h1, h3, ... in the other.
  const world = new AdmissionWorld({ servers: [2], networks: [1, 0] });
  assert.deepEqual(
    ["h0", "h2", "h1", "h3"].map((host) => {
      world.clock.advance(1);
      return world.says(host);
    }),
    // h2 is the first of all: the server's second place is kept for it.
    ["go server1", "wait 1 of 1", "wait 2 of 2", "wait 3 of 3"],
  );
  world.move("h0", "used");
  world.clock.advance(COUNTED);
  assert.deepEqual(
    ["h1", "h2", "h3"].map((host) => world.says(host)),
    ["go server1", "go server1", "wait 1 of 1"],
  );
});

test("the pause grows with the place, and 2,000 who wait ask less than 200 times a second", () => {
  const world = new AdmissionWorld({ servers: [50], hosts: 2050 });
  const hosts = [...world.site.hosts.keys()];
  for (const host of hosts) world.ask(host);
  const told = hosts.map((host) => world.ask(host)).filter((each) => each.kind === "wait");
  const pauses = told.sort((a, b) => a.place - b.place).map(({ seconds }) => seconds);
  assert.equal(pauses.length, 2000);
  assert.equal(pauses[0], 3);
  assert.equal(pauses.at(-1), 70);
  const rate = pauses.reduce((sum, pause) => sum + 1 / pause, 0);
  assert.ok(rate > 50 && rate < 200, `${rate}`);
});

test("a loader that cannot ask often keeps its place while it does not", () => {
  const world = new AdmissionWorld({ servers: [1] });
  world.says("h0");
  const told = world.control().ask(world.host("h1"), { leastPause: 30 });
  assert.equal(told.kind === "wait" && told.seconds, 30);
  world.clock.advance(MINUTE + 45_000);
  assert.equal(world.control().waiting(), 1);
  world.clock.advance(6_000);
  assert.equal(world.control().waiting(), 0);
});

for (const balance of ["rendezvous", "least-loaded"]) {
  test(`${balance}: nobody is sent to a server that lacks what it installs, and its places are no help`, () => {
    const world = new AdmissionWorld({ balance, servers: [2, 2], hosts: 8 });
    world.lacking.add("server1");
    const ask = () => {
      // Each server has a part of what is free for a while.
      world.clock.advance(3000);
      const said = Array.from({ length: 8 }, (_, index) => world.says(`h${index}`));
      return new Set(said.filter((each) => each.startsWith("go ")));
    };
    for (let round = 0; round < 4; round += 1) assert.deepEqual(ask(), new Set(["go server2"]));
    assert.equal(world.running(), 2);
    world.lacking.clear();
    for (let round = 0; round < 4; round += 1) ask();
    assert.equal(
      world.running(({ server }) => server === "server1"),
      2,
    );
  });
}

test("one that is to be taken out of service, but has what is installed, comes before those that lack it", () => {
  const world = new AdmissionWorld({ servers: [0, 0] });
  world.lacking.add("server1");
  world.draining.add("server2");
  assert.equal(world.says("h0"), "go server2");
  world.dead.add("server2");
  world.clock.advance(COUNTED);
  assert.equal(world.says("h1"), "go server1", "when none that lives has it, as ever");
  assert.equal(world.says("h0"), "go server1", "its server is dead");
});
