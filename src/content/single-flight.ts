/** Small memories that keep many clients from asking the same thing of an upstream. */
import type { Clock } from "../base/clock.ts";

/** Runs one task for a key at a time; who asks meanwhile gets that task's outcome. */
export class SingleFlight<T> {
  private readonly tasks = new Map<string, Promise<T>>();

  run(key: string, task: () => Promise<T>): Promise<T> {
    const known = this.tasks.get(key);
    if (known !== undefined) return known;
    const started = task().finally(() => this.tasks.delete(key));
    this.tasks.set(key, started);
    return started;
  }

  /** Resolves when all that is under way has ended, well or not. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.tasks.values()]);
  }
}

/** What a task has brought, once it has succeeded: until then each call tries. */
export class Once<T> {
  private readonly task: () => Promise<T>;
  private value: Promise<T> | undefined;

  constructor(task: () => Promise<T>) {
    this.task = task;
  }

  get(): Promise<T> {
    this.value ??= this.task().catch((error: unknown) => {
      this.value = undefined;
      throw error;
    });
    return this.value;
  }
}

const MOST_KEYS = 10_000;

/** Remembers keys for a while. Forgets all when there are too many: it only saves work. */
export class RecentKeys {
  private readonly until = new Map<string, number>();
  private readonly clock: Clock;
  private readonly ms: number;

  constructor(clock: Clock, ms: number) {
    this.clock = clock;
    this.ms = ms;
  }

  has(key: string): boolean {
    const until = this.until.get(key);
    if (until === undefined) return false;
    if (this.clock.now() < until) return true;
    this.until.delete(key);
    return false;
  }

  add(key: string): void {
    if (this.until.size >= MOST_KEYS) this.until.clear();
    this.until.set(key, this.clock.now() + this.ms);
  }
}
