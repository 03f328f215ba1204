/** Hand-outs that this server has seen happen a short while ago, here or at another server. */
import type { Clock, Timer } from "../base/clock.ts";
import type { Permit } from "./permit-rules.ts";

interface Seen {
  readonly handOut: string;
  readonly timer: Timer;
}

/**
 * Both must say that it was a short while ago: a timer, which no clock that is set back lengthens; and the time written
 * in the permit, for hand-outs that are heard of late.
 */
export class RecentHandOuts {
  private readonly clock: Clock;
  private readonly withinMs: number;
  private readonly byHost = new Map<string, Seen>();

  constructor(clock: Clock, withinMs: number) {
    this.clock = clock;
    this.withinMs = withinMs;
  }

  /** Something became of a permit just now. */
  note(permit: Permit): void {
    const { host } = permit;
    const handOut = handOutOf(permit);
    const known = this.byHost.get(host);
    if (known?.handOut === handOut) return;
    known?.timer.cancel();
    this.byHost.delete(host);
    if (permit.state !== "started") return;
    const timer = this.clock.after(this.withinMs, () => this.byHost.delete(host));
    this.byHost.set(host, { handOut, timer });
  }

  has(permit: Permit): boolean {
    const age = Math.abs(this.clock.now() - permit.changed);
    return age < this.withinMs && this.byHost.get(permit.host)?.handOut === handOutOf(permit);
  }
}

function handOutOf({ id, handOuts, changed }: Permit): string {
  return `${id} ${handOuts} ${changed}`;
}
