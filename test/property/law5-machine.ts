/** A machine that boots from the network whenever it starts, is installed when it is given a permit, and reports. */
import assert from "node:assert/strict";
import { EverbootError } from "../../src/base/errors.ts";
import { HAND_OUT_AGAIN_MS, type Law5World } from "./law5-world.ts";

/** What all machines have seen, by the permit's id. */
export class Ledger {
  /** Times that a machine was installed to the end. */
  readonly installs = new Map<string, number>();
  /** The strongest report that a server has acknowledged. */
  readonly reported = new Map<string, "writing" | "done">();
  /** When a server said that it is taken back. */
  readonly cancelled = new Map<string, number>();

  /** Times that a machine was installed by this permit, with this one. */
  install(id: string): number {
    const times = (this.installs.get(id) ?? 0) + 1;
    this.installs.set(id, times);
    return times;
  }
}

export class SimulatedMachine {
  readonly host: string;
  group: number = 0;
  private readonly world: Law5World;
  private readonly ledger: Ledger;
  /** Grows with each start. */
  private life = 0;
  private asked = 0;
  private isOver: boolean = false;

  constructor(world: Law5World, ledger: Ledger, host: string) {
    this.world = world;
    this.ledger = ledger;
    this.host = host;
  }

  /** Resolves some time after `end`. */
  async run(): Promise<void> {
    while (!this.isOver) {
      const life = this.life;
      await this.boot(() => this.life === life && !this.isOver);
      if (this.life === life) await this.world.sleeps(700);
    }
  }

  /** Somebody pushes its reset button, whatever it does. */
  reset(): void {
    this.life += 1;
  }

  end(): void {
    this.isOver = true;
  }

  private async boot(isAlive: () => boolean): Promise<void> {
    const { world, ledger, host } = this;
    const asked = world.clock.now();
    const given = await this.ask((permits) => permits.handOut(host));
    if (!isAlive() || given?.kind !== "permit") return;
    const { id, token } = given.permit;
    const started = world.clock.now();
    assert.ok((ledger.cancelled.get(id) ?? asked) >= asked, `${id} was handed out after it was taken back`);
    await world.sleeps(1_000 + 300 * (this.asked % 4));
    if (!(await this.mayWrite(token, isAlive))) return;
    ledger.reported.set(id, ledger.reported.get(id) ?? "writing");
    while (isAlive() && world.clock.now() - started <= HAND_OUT_AGAIN_MS + 500) await world.sleeps(500);
    if (!isAlive()) return;
    assert.equal(ledger.install(id), 1, `${host} was installed twice by ${id}`);
    if (await this.tell(token, isAlive)) ledger.reported.set(id, "done");
  }

  /** An installer that cannot tell that it begins waits; one that is refused does not begin. */
  private async mayWrite(token: string, isAlive: () => boolean): Promise<boolean> {
    while (isAlive()) {
      const permit = await this.ask((permits) => permits.advance(token, "writing"));
      if (permit) return isAlive() && permit.state === "writing";
      if (permit === null) return false;
      await this.world.sleeps(500);
    }
    return false;
  }

  /** An installer that cannot tell that it is done starts the installed system all the same. */
  private async tell(token: string, isAlive: () => boolean): Promise<boolean> {
    for (let tries = 0; tries < 3 && isAlive(); tries++) {
      if (await this.ask((permits) => permits.advance(token, "done"))) return true;
      await this.world.sleeps(500);
    }
    return false;
  }

  /** `null` = the server knows of no such permit, or not any more. */
  private async ask<T>(question: Parameters<typeof this.world.ask<T>>[2]): Promise<T | null | undefined> {
    this.asked += 1;
    try {
      return await this.world.ask(this.group, this.asked, question);
    } catch (error) {
      if (error instanceof EverbootError && error.code === "permit-unknown") return null;
      throw error;
    }
  }
}
