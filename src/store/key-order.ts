/** Runs works that share a key one after the other, in the order they came, and all others side by side. */
export class KeyOrder {
  /** The last work on each key; resolves when that has ended, well or not. */
  private readonly last = new Map<string, Promise<void>>();

  run<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T> {
    const mine = new Set(keys);
    const before = [...mine].flatMap((key) => this.last.get(key) ?? []);
    const running = Promise.all(before).then(work);
    const ended = running.then(noop, noop);
    for (const key of mine) this.last.set(key, ended);
    return running.finally(() => this.forget(mine, ended));
  }

  private forget(keys: ReadonlySet<string>, ended: Promise<void>): void {
    for (const key of keys) if (this.last.get(key) === ended) this.last.delete(key);
  }
}

function noop(): void {}
