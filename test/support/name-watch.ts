/** What name servers answer for one name while things happen to them, and how long each was silent. */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { longestGap, monotonicNow } from "../../bench/failover/watch.ts";
import { kill } from "../../lab/cleanup.ts";
import type { Namespace } from "../../lab/netns.ts";
import type { NameAnswer } from "../e2e/names-prober.ts";

const PROBER = join(import.meta.dirname, "../e2e/names-prober.ts");
/** One after the other, with dig's shortest patience: a second. */
const DIG_LOOP = `while :; do
  found=$(dig "@$2" +short +tries=1 +time=1 "$1") && echo "\${found//$'\\n'/ }"
  sleep 0.03
done`;

export class NameWatch {
  private readonly children: readonly ChildProcess[];
  private readonly answers: NameAnswer[] = [];

  private constructor(children: readonly ChildProcess[], parse: (line: string, child: number) => NameAnswer) {
    this.children = children;
    for (const [index, { stdout }] of children.entries())
      if (stdout) createInterface({ input: stdout }).on("line", (line) => this.answers.push(parse(line, index)));
  }

  /** By a client that asks each server every 10 ms, whether the one before was answered or not. */
  static ask(space: Namespace, name: string, servers: readonly string[]): NameWatch {
    const words = ["--disable-warning=ExperimentalWarning", PROBER, name, ...servers];
    const child = space.spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
    return new NameWatch([child], (line) => JSON.parse(line) as NameAnswer);
  }

  /** By dig, started again and again. When it was started is not known: `asked` is when it was answered. */
  static dig(space: Namespace, name: string, servers: readonly string[]): NameWatch {
    const loop = (server: string) =>
      space.spawn("bash", ["-c", DIG_LOOP, "dig-loop", name, server], { stdio: ["ignore", "pipe", "inherit"] });
    return new NameWatch(servers.map(loop), (line, index) => {
      const at = monotonicNow();
      return { server: servers[index] ?? "", asked: at, answered: at, addresses: line.split(" ") };
    });
  }

  /** The answers of one server to what was asked after `from`, in milliseconds as `monotonicNow` has it. */
  of(server: string, from = 0): readonly NameAnswer[] {
    return this.answers.filter((answer) => answer.server === server && answer.asked >= from);
  }

  /** When `server` first answered without `address`, if it never named it again. */
  goneAt(server: string, address: string, from: number): number | undefined {
    const answers = this.of(server, from);
    const last = answers.findLastIndex(({ addresses }) => addresses.includes(address));
    return answers[last + 1]?.answered;
  }

  /** The longest time without an answer of `server` between `from` and `to`, in milliseconds. */
  silence(server: string, from: number, to: number): number {
    return longestGap(
      this.of(server).map(({ answered }) => answered),
      from,
      to,
    );
  }

  end(): void {
    for (const { pid } of this.children) kill(pid);
  }
}
