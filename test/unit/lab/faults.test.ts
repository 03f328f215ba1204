import assert from "node:assert/strict";
import { test } from "node:test";
import { type Fault, type FaultTime, runFaults } from "../../../lab/faults.ts";
import type { StageReached } from "../../../lab/progress.ts";

/** A machine that is sent 100 bytes between two looks, and has the first second behind it. */
class Machine {
  bytes = 0;
  readonly reached: StageReached[] = [];
  readonly told: FaultTime[] = [];
  readonly stages = () => this.reached;
  readonly seconds = () => 1;
  readonly onFault = (fault: FaultTime) => void this.told.push(fault);
  readonly received = async () => {
    this.bytes += 100;
    return this.bytes;
  };
}

const NEVER = new AbortController().signal;

test("faults come one after the other: by time, by bytes since the start, by bytes since a stage", async () => {
  const machine = new Machine();
  const done: string[] = [];
  const fault = (name: string, when: Omit<Fault, "strike">): Fault => ({
    ...when,
    strike: async () => {
      await null;
      done.push(name);
      if (name === "second") machine.reached.push({ stage: "base", boot: 1 });
    },
  });
  const faults = [
    fault("first", { at: 1 }),
    fault("second", { at: 0, bytes: 250 }),
    fault("third", { at: "base", bytes: 300 }),
  ];
  await runFaults(faults, machine, NEVER);
  assert.deepEqual(done, ["first", "second", "third"]);
  assert.deepEqual(machine.told, [
    { seconds: 1, stage: undefined, bytes: 100 },
    { seconds: 1, stage: undefined, bytes: 300 },
    { seconds: 1, stage: "base", bytes: 700 },
  ]);
});

test("a strike that fails is the caller's to know, and nothing strikes after it", async () => {
  const strike = async () => Promise.reject(new Error("the server did not come back"));
  const machine = new Machine();
  await assert.rejects(
    runFaults(
      [
        { at: 0, strike },
        { at: 0, strike },
      ],
      machine,
      NEVER,
    ),
    /did not come back/,
  );
  assert.equal(machine.told.length, 1);
});

test("what has not fallen due when it is over never strikes", async () => {
  const over = new AbortController();
  const machine = new Machine();
  const strike = async () => over.abort();
  await runFaults(
    [
      { at: 0, strike },
      { at: "rebooting", strike },
      { at: 0, strike },
    ],
    machine,
    over.signal,
  );
  assert.equal(machine.told.length, 1);
});
