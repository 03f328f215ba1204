/** The upstream of a pull-through mirror: an HTTP server in a namespace of its own, whose cable can be pulled. */
import { once } from "node:events";
import { extname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { EverbootError } from "../src/base/errors.ts";
import type { UpstreamAnswer } from "./mirror-upstream-server.ts";
import { connect, Namespace } from "./netns.ts";

const SERVER = resolve(import.meta.dirname, `mirror-upstream-server${extname(import.meta.filename)}`);
/** For documentation (RFC 5737): on no network that the lab's machines are in. */
const ADDRESS = "198.51.100.2";
const NEAR_ADDRESS = "198.51.100.1";
const PORT = 8000;
const CABLE = "uplink";

export interface LabUpstreamOptions {
  /** At most 8 characters: names the namespace. */
  readonly name: string;
  /** Where the mirror runs; gets a NIC `uplink`. */
  readonly near: Namespace;
  /** What is served: a folder with `dists/` and `pool/`. */
  readonly folder: string;
}

export class LabUpstream {
  /** Of the folder, in the mirror's namespace. The same for every upstream: it can be written down before there is one. */
  static readonly url = `http://${ADDRESS}:${PORT}`;
  /** In the order in which they ended. */
  readonly answers: readonly UpstreamAnswer[];
  private readonly space: Namespace;

  private constructor(space: Namespace, answers: readonly UpstreamAnswer[]) {
    this.space = space;
    this.answers = answers;
  }

  /** Resolves when it listens; rejects with `lab-broken`. Leaves nothing behind then. */
  static async open({ name, near, folder }: LabUpstreamOptions): Promise<LabUpstream> {
    const space = await Namespace.create(name);
    try {
      await connect(near, CABLE, space, CABLE);
      await near.ip(`addr add ${NEAR_ADDRESS}/24 dev ${CABLE}`);
      await space.ip(`addr add ${ADDRESS}/24 dev ${CABLE}`);
      return new LabUpstream(space, await serve(space, folder));
    } catch (error) {
      await space.remove();
      throw error;
    }
  }

  /** From now on no packet reaches it, nor comes from it. */
  async unplug(): Promise<void> {
    await this.space.ip(`link set ${CABLE} down`);
  }

  async plugIn(): Promise<void> {
    await this.space.ip(`link set ${CABLE} up`);
  }

  async close(): Promise<void> {
    await this.space.remove();
  }
}

/** Resolves with the list that its answers are added to. */
async function serve(space: Namespace, folder: string): Promise<readonly UpstreamAnswer[]> {
  const answers: UpstreamAnswer[] = [];
  const child = space.spawn(process.execPath, [SERVER, folder, ADDRESS, String(PORT)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (!child.stdout) throw new Error("no standard output");
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "exit").then(() => {
    throw new EverbootError("lab-broken", { reason: "the upstream did not come up" });
  });
  await Promise.race([once(lines, "line"), ended]);
  ended.catch(() => undefined);
  lines.on("line", (line) => answers.push(JSON.parse(line) as UpstreamAnswer));
  return answers;
}
