/** What the real chooser makes of the model of test/unit/balance/fleet.ts: servers, figures and permits as they come. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Arrival, arrivalsOf, type Busy, INSTALL, type Install, LINK, send } from "../balance/fleet.ts";
import { AdmissionWorld } from "./admission-world.ts";

class Fleet {
  /** Installs at each server at the end of each second. */
  readonly samples: ReadonlyMap<string, number[]>;
  private readonly world: AdmissionWorld;
  private readonly busy: ReadonlyMap<string, Busy>;
  private readonly hosts = new Map<Install, string>();
  private readonly arrivals: readonly Arrival[];
  private next = 0;

  /** Servers see half a second late what another one hands out. */
  constructor(count: number, spread: number) {
    this.arrivals = arrivalsOf(count, spread);
    const servers: number[] = Array(count).fill(0);
    this.world = new AdmissionWorld({ balance: "least-loaded", servers, hosts: this.arrivals.length, lag: 500 });
    const names = [...this.world.site.servers.keys()];
    this.busy = new Map(names.map((name) => [name, { installs: [], rate: 0 }]));
    this.samples = new Map(names.map((name) => [name, []]));
  }

  /** Second by second until the last machine has come. */
  run(): void {
    for (let now = 0; this.next < this.arrivals.length; now++) {
      while ((this.arrivals[this.next]?.at ?? Number.POSITIVE_INFINITY) <= now) this.arrive();
      this.world.clock.advance(1000);
      for (const [name, server] of this.busy) this.serve(name, server);
    }
  }

  /** The servers are asked in turn. */
  private arrive(): void {
    const host = `h${this.next}`;
    const told = this.world.ask(host, { by: `server${1 + (this.next % this.busy.size)}` });
    const install = { speed: this.arrivals[this.next]?.speed ?? LINK, left: INSTALL };
    this.hosts.set(install, host);
    this.busy.get(told.kind === "go" ? told.server : "")?.installs.push(install);
    this.next += 1;
  }

  private serve(name: string, server: Busy): void {
    const before = server.installs;
    send(server, LINK, before.length);
    for (const done of before.filter(({ left }) => left <= 0)) this.world.move(this.hosts.get(done) ?? "", "used");
    this.world.rates.set(name, server.rate);
    this.samples.get(name)?.push(server.installs.length);
  }
}

const worstToBest = (values: readonly number[]) => Math.max(...values) / Math.min(...values);

test("clients of different speed: the worst server has at most 1.2 times the installs of the best", () => {
  for (const servers of [2, 3]) {
    for (const spread of [0.1, 0.4]) {
      const fleet = new Fleet(servers, spread);
      fleet.run();
      const queues = [...fleet.samples.values()];
      const mean = worstToBest(queues.map((queue) => queue.reduce((sum, length) => sum + length, 0)));
      const peak = worstToBest(queues.map((queue) => Math.max(...queue)));
      assert.ok(mean <= 1.2 && peak <= 1.2, `${servers} servers, ${spread}: mean ${mean}, peak ${peak}`);
    }
  }
});
