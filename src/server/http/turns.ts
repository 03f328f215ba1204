/**
 * How many answers begin in one turn of the event loop. When thousands of machines connect in the same second, their
 * requests are read in one turn by hundreds; answered in it too, they would keep everything else of the process waiting,
 * DHCP and this server's signs of life among it.
 */

/** Some 10 ms of work. */
const MOST = 16;

export class Turns {
  private readonly nextTurn: (task: () => void) => void;
  private readonly waiting: Array<() => void> = [];
  private begun = 0;

  /** @param nextTurn calls a task once the sockets were looked at again */
  constructor(nextTurn: (task: () => void) => void = setImmediate) {
    this.nextTurn = nextTurn;
  }

  /** True: begin at once. False: others came before; begin after `later`. */
  take(): boolean {
    if (this.begun === MOST || this.waiting.length > 0) return false;
    this.count();
    return true;
  }

  /** Resolves in a later turn, in the order of the calls. Only after `take` has said no. */
  later(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private count(): void {
    if (this.begun === 0) this.nextTurn(() => this.goOn());
    this.begun += 1;
  }

  private goOn(): void {
    this.begun = 0;
    for (const begin of this.waiting.splice(0, MOST)) {
      this.count();
      begin();
    }
  }
}
