/** What befalls the servers while a machine is installed. */
import { setTimeout as delay } from "node:timers/promises";
import type { MachineStage, StageReached } from "./progress.ts";

export interface Fault {
  /** When the machine reaches a stage, or so many seconds after its start. */
  readonly at: MachineStage | number;
  /** And not before its NICs have been sent so many bytes: since the stage was seen, else since its start. */
  readonly bytes?: number;
  /** The next fault waits until it resolves. `received`: what the machine's NICs have been sent since its start. */
  readonly strike: (received: () => Promise<number>) => Promise<void>;
}

export interface FaultTime {
  /** Since the machine's start. */
  readonly seconds: number;
  /** The machine's stage at that moment. */
  readonly stage: MachineStage | undefined;
  /** What its NICs had been sent since its start. */
  readonly bytes: number;
}

/** The machine, as far as faults depend on it. */
export interface FaultWatch {
  stages(): readonly StageReached[];
  seconds(): number;
  readonly received: () => Promise<number>;
  onFault(fault: FaultTime): void;
}

const LOOK_EVERY_MS = 50;

/**
 * Faults strike one after the other, in their order; one that falls due while another lasts comes after it. Resolves
 * when all are over, or no more are wanted; rejects as a strike does.
 */
export async function runFaults(faults: readonly Fault[], watch: FaultWatch, over: AbortSignal): Promise<void> {
  for (const fault of faults) {
    const bytes = await untilDue(fault, watch, over);
    if (bytes === undefined) return;
    watch.onFault({ seconds: watch.seconds(), stage: watch.stages().at(-1)?.stage, bytes });
    await fault.strike(watch.received);
  }
}

/** Resolves with what the machine has been sent; undefined = it is over. */
async function untilDue({ at, bytes = 0 }: Fault, watch: FaultWatch, over: AbortSignal): Promise<number | undefined> {
  const hasCome = () =>
    typeof at === "number" ? watch.seconds() >= at : watch.stages().some(({ stage }) => stage === at);
  while (!over.aborted && !hasCome()) await delay(LOOK_EVERY_MS);
  const before = typeof at === "number" ? 0 : await watch.received();
  for (; !over.aborted; await delay(LOOK_EVERY_MS)) {
    const received = await watch.received();
    if (received - before >= bytes) return received;
  }
  return undefined;
}
