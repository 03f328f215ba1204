/**
 * How much each client may send: so many lines at once (the kernel's whole log, when an installer's logger starts), and
 * so many a second for ever. Pure: the time is given.
 */

export interface AllowanceOptions {
  /** Lines at once. */
  readonly burst: number;
  /** Lines a second. */
  readonly rate: number;
}

interface Account {
  lines: number;
  /** When `lines` was right; milliseconds. */
  at: number;
}

/** Addresses of a subnet can be made up: those that have been silent for longest are forgotten beyond so many. */
const MOST_CLIENTS = 10_000;

export class Allowance {
  private readonly options: AllowanceOptions;
  private readonly accounts = new Map<string, Account>();

  constructor(options: AllowanceOptions) {
    this.options = options;
  }

  /** May this client send one more line? */
  take(client: string, now: number): boolean {
    const { burst, rate } = this.options;
    const account = this.accounts.get(client) ?? { lines: burst, at: now };
    const earned = (Math.max(0, now - account.at) / 1000) * rate;
    account.lines = Math.min(burst, account.lines + earned);
    account.at = now;
    // At the end of the order of its map stands who was heard last.
    this.accounts.delete(client);
    this.accounts.set(client, account);
    this.forgetSilent();
    if (account.lines < 1) return false;
    account.lines -= 1;
    return true;
  }

  private forgetSilent(): void {
    const [first] = this.accounts.keys();
    if (this.accounts.size > MOST_CLIENTS && first !== undefined) this.accounts.delete(first);
  }
}
