/** What an operator sees of one install's bar, look by look, and whether it was ever wrong. */
import type { HostStatus } from "../../src/cluster/status.ts";

/** A look is told when the bar has moved by so much. */
const STEP = 0.05;

export class ProgressWatch {
  /** In words; empty = all that was shown was right. */
  readonly faults: string[] = [];
  private readonly tell: (line: string) => void;
  private readonly fractions: number[] = [];
  private trace: string | undefined;
  private told: number = -1;
  private stages: readonly string[] = [];

  constructor(tell: (line: string) => void) {
    this.tell = tell;
  }

  /** The last that was shown of the boot that installed; undefined = none yet. */
  get fraction(): number | undefined {
    return this.fractions.at(-1);
  }

  /** How many different places of the bar were seen. */
  get places(): number {
    return new Set(this.fractions).size;
  }

  look({ trace, boot, progress, state }: HostStatus): void {
    if (this.trace !== undefined && trace !== this.trace) return;
    this.lookAtStages((boot?.stages ?? []).map(({ stage, first }) => ({ stage, first })));
    if (!progress) return;
    this.trace = trace;
    const { fraction, basis, unit, done, of } = progress;
    const before = this.fraction ?? 0;
    if (fraction < before) this.faults.push(`the bar fell from ${before} to ${fraction}`);
    if (fraction > 1 || fraction < 0) this.faults.push(`the bar is at ${fraction}`);
    this.fractions.push(fraction);
    const isOver = fraction === 1 && this.told < 1;
    if (!isOver && fraction - this.told < STEP) return;
    this.told = fraction;
    this.tell(`${Math.floor(fraction * 100)} %: ${done} of ${of ?? "?"} ${unit} (${basis}), ${state}`);
  }

  /** What was passed stays passed, and each stage began no earlier than the one before it. */
  private lookAtStages(stages: ReadonlyArray<{ readonly stage: string; readonly first: number }>): void {
    const names = stages.map(({ stage }) => stage);
    if (this.stages.some((stage, place) => names[place] !== stage))
      this.faults.push(`after ${this.stages.join(", ")} the stages are ${names.join(", ")}`);
    if (stages.some(({ first }, place) => first < (stages[place - 1]?.first ?? 0)))
      this.faults.push(`stages out of order: ${JSON.stringify(stages)}`);
    this.stages = names;
  }
}
