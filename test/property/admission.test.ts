/**
 * Machines that ask, wait and install, over any limits and moments: no limit is exceeded, by more than the other servers
 * that let machines in at the same moment; nobody is passed; and everybody who goes on asking comes in.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AdmissionWorld, type WorldShape } from "../unit/cluster/admission-world.ts";

const RUNS = { numRuns: 150 };
/** What one server hands out the others see at the latest after this long, milliseconds. */
const LONGEST_LAG = 1_000;

interface Machine {
  /** Asks for the first time, milliseconds from the start. */
  readonly at: number;
  /** Milliseconds from let in to installed. */
  readonly takes: number;
  /** Asks once and never again. */
  readonly isDead: boolean;
  /** Which server answers it. */
  readonly by: number;
}

const machine: fc.Arbitrary<Machine> = fc.record({
  at: fc.integer({ min: 0, max: 20_000 }),
  takes: fc.integer({ min: 1, max: 60_000 }),
  isDead: fc.constantFrom(false, false, false, false, true),
  by: fc.nat(2),
});
const limits = (count: number) => fc.array(fc.nat(6), { minLength: count, maxLength: count });

interface Given {
  readonly shape: WorldShape;
  readonly machines: readonly Machine[];
  /** Moments at which a server comes back without its line. */
  readonly restarts: readonly number[];
}

function given(servers: number, restarts: number): fc.Arbitrary<Given> {
  return fc.record({
    shape: fc.record({
      balance: fc.constantFrom("rendezvous", "least-loaded"),
      servers: limits(servers),
      networks: limits(2),
      hosts: fc.constant(30),
      lag: servers > 1 ? fc.integer({ min: 1, max: LONGEST_LAG }) : fc.constant(0),
    }),
    machines: fc.array(machine, { minLength: 30, maxLength: 30 }),
    restarts: fc.array(fc.nat(60_000), { maxLength: restarts }),
  });
}

class Storm {
  readonly world: AdmissionWorld;
  readonly came = new Set<string>();
  private readonly given: Given;
  private readonly onTurn: (storm: Storm, host: string) => void;

  constructor(given: Given, onTurn: (storm: Storm, host: string) => void) {
    this.given = given;
    this.onTurn = onTurn;
    this.world = new AdmissionWorld(given.shape);
    given.machines.forEach((each, index) => {
      this.world.clock.after(each.at, () => this.ask(`h${index}`, each));
    });
    const names = [...this.world.site.servers.keys()];
    for (const [index, at] of given.restarts.entries()) {
      this.world.clock.after(at, () => this.world.restart(names[index % names.length] ?? "server1"));
    }
  }

  /** Until all that are alive have come in, an hour at most. */
  run(): void {
    for (let minute = 0; minute < 60 && this.missing().length > 0; minute++) this.world.clock.advance(60_000);
    assert.deepEqual(this.missing(), []);
  }

  private missing(): string[] {
    return this.given.machines.flatMap(({ isDead }, index) =>
      isDead || this.came.has(`h${index}`) ? [] : [`h${index}`],
    );
  }

  private ask(host: string, machine: Machine, since?: number): void {
    const { world } = this;
    const names = [...world.site.servers.keys()];
    const by = names[machine.by % names.length] ?? "server1";
    const told = world.ask(host, { by, ...(since !== undefined && { since }) });
    if (told.kind === "wait" && !machine.isDead) {
      world.clock.after(told.seconds * 1000, () => this.ask(host, machine, told.since));
    }
    if (told.kind !== "go") return;
    this.came.add(host);
    this.onTurn(this, host);
    world.clock.after(Math.max(machine.takes, LONGEST_LAG + 1), () => world.move(host, "used"));
  }
}

function checkLimits(storm: Storm): void {
  const { site } = storm.world;
  const others = site.servers.size - 1;
  for (const server of site.servers.values()) {
    const count = storm.world.running((permit) => permit.server === server.name);
    assert.ok(count <= (server.installs ?? count) + others, `${count} at ${server.name}`);
  }
  for (const subnet of site.subnets) {
    const count = storm.world.running((_permit, host) => host.subnet === subnet);
    assert.ok(count <= (subnet.installs ?? count) + others, `${count} in ${subnet.cidr}`);
  }
}

for (const servers of [1, 2, 3]) {
  test(`${servers} servers: no limit is exceeded by ${servers} or more, and everybody alive comes in`, () => {
    fc.assert(
      fc.property(given(servers, 2), (each) => new Storm(each, checkLimits).run()),
      RUNS,
    );
  });
}

test("one limit: who comes in has a place for each who waited longer than it", () => {
  const one = given(1, 0).map((each) => ({ ...each, shape: { ...each.shape, servers: [3], networks: [0, 0] } }));
  fc.assert(
    fc.property(one, (each) => {
      const waiting = new Map<string, number>();
      const storm = new Storm(each, ({ world }, host) => {
        waiting.delete(host);
        const mine = firstAsked(each, host);
        const longer = [...waiting].filter(([other, since]) => since < mine && !isForgotten(world, each, other));
        assert.ok(world.running() + longer.length <= 3, `${host} passed one of ${longer.map(([name]) => name)}`);
      });
      each.machines.forEach((machine, index) => {
        storm.world.clock.after(machine.at, () => {
          if (!storm.came.has(`h${index}`)) waiting.set(`h${index}`, machine.at);
        });
      });
      storm.run();
    }),
    RUNS,
  );
});

function firstAsked({ machines }: Given, host: string): number {
  return machines[Number(host.slice(1))]?.at ?? Number.NaN;
}

/** A dead one may have been taken out of the line: three pauses of 4 s and a stalled fetch after it asked. */
function isForgotten({ clock }: AdmissionWorld, { machines }: Given, host: string): boolean {
  const machine = machines[Number(host.slice(1))];
  return machine?.isDead === true && clock.now() - Date.UTC(2026, 0, 1) > machine.at + 29_000;
}
