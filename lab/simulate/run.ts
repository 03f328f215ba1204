/** Starts a simulated machine in a namespace of its own, on the rack's bridge, and tells its steps. */
import { once } from "node:events";
import { extname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { kill } from "../cleanup.ts";
import { connect, Namespace } from "../netns.ts";
import type { InstallRack } from "../rack.ts";
import type { SimulatedStep } from "./machine.ts";

const PROGRAM = resolve(import.meta.dirname, `one${extname(import.meta.filename)}`);

export interface SimulationOptions {
  /** Name of a host of the rack, which must have a noise tree. */
  readonly host: string;
  /** Between two packages. */
  readonly pauseMs: number;
  readonly onStep: (step: SimulatedStep) => void;
  readonly signal?: AbortSignal;
}

/** Resolves with the machine's exit code (0: it was told to boot from its disk) and what it complained of. */
export async function runSimulation(
  rack: InstallRack,
  { host, pauseMs, onStep, signal }: SimulationOptions,
): Promise<{ code: number | null; complaint: string }> {
  const [mac] = rack.hosts.find(({ name }) => name === host)?.nics ?? [];
  if (mac === undefined) throw new Error(`no host ${host} in the rack`);
  const machine = await Namespace.create("evm");
  try {
    const port = `m${process.pid}`.slice(0, 15);
    await connect(rack.space, port, machine, "eth0");
    await rack.space.ip(`link set ${port} master ${rack.bridge}`);
    await machine.ip(`link set eth0 address ${mac}`);
    const child = machine.spawn(process.execPath, [PROGRAM, "eth0", mac, String(pauseMs)]);
    const stop = () => kill(child.pid);
    signal?.addEventListener("abort", stop, { once: true });
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaint += chunk;
    });
    if (child.stdout) {
      createInterface({ input: child.stdout }).on("line", (line) => onStep(JSON.parse(line) as SimulatedStep));
    }
    const [code] = (await once(child, "close")) as [number | null];
    signal?.removeEventListener("abort", stop);
    return { code, complaint };
  } finally {
    await machine.remove();
  }
}
