/** Keeps requests for files that are not to be had from filling the journal: installers ask for many, over and over. */

/** Different ones of a host that are news within WINDOW_MS, and how long one that was told is old. */
const MOST = 40;
const WINDOW_MS = 10 * 60_000;

interface Told {
  /** When the first of them was told. */
  readonly since: number;
  readonly requests: Set<string>;
}

export class VainRequests {
  private readonly hosts = new Map<string, Told>();

  /** Is it to be told? It counts as told then. @param at milliseconds since 1970 */
  isNews(host: string, request: string, at: number): boolean {
    const known = this.hosts.get(host);
    const isOld = known === undefined || at - known.since >= WINDOW_MS || at < known.since;
    const told: Told = isOld ? { since: at, requests: new Set() } : known;
    this.hosts.set(host, told);
    if (told.requests.has(request) || told.requests.size >= MOST) return false;
    told.requests.add(request);
    return true;
  }

  /** The machine begins anew: what it asks for in vain is news of its next boot. */
  forget(host: string): void {
    this.hosts.delete(host);
  }
}
