/** Starts a simulated machine in a namespace of its own, on the rack's bridge, and tells its steps. */
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { kill } from "../cleanup.ts";
import { connect, Namespace } from "../netns.ts";
import type { SimulatedStep } from "./machine.ts";

const PROGRAM = resolve(import.meta.dirname, "machine.ts");

export interface SimulationOptions {
  /** Where the bridge is. */
  readonly space: Namespace;
  readonly bridge: string;
  readonly mac: string;
  /** URL of the package index. */
  readonly packages: string;
  readonly pauseMs: number;
  readonly onStep: (step: SimulatedStep) => void;
  readonly signal?: AbortSignal;
}

/** Resolves with the machine's exit code (0: it was told to boot from its disk) and what it complained of. */
export async function runSimulation(options: SimulationOptions): Promise<{ code: number | null; complaint: string }> {
  const { space, bridge, mac, packages, pauseMs, signal } = options;
  const machine = await Namespace.create("evm");
  try {
    const port = `m${process.pid}`.slice(0, 15);
    await connect(space, port, machine, "eth0");
    await space.ip(`link set ${port} master ${bridge}`);
    await machine.ip(`link set eth0 address ${mac}`);
    const child = machine.spawn(process.execPath, [PROGRAM, "eth0", mac, packages, String(pauseMs)]);
    const stop = () => kill(child.pid);
    signal?.addEventListener("abort", stop, { once: true });
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaint += chunk;
    });
    if (child.stdout) {
      createInterface({ input: child.stdout }).on("line", (line) => options.onStep(JSON.parse(line) as SimulatedStep));
    }
    const [code] = (await once(child, "close")) as [number | null];
    signal?.removeEventListener("abort", stop);
    return { code, complaint };
  } finally {
    await machine.remove();
  }
}
