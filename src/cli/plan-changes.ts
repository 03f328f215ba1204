/** What a changed site file means for one host, stage by stage. Pure but for reading and asking. */

import { EverbootError } from "../base/errors.ts";
import { type DiffLine, diffLines } from "../base/line-diff.ts";
import type { StageText } from "../export/stages.ts";
import type { Io } from "./command.ts";
import { nearChanges } from "./diff-text.ts";
import { requireSite } from "./site-file.ts";
import { showHostOf } from "./site-view.ts";
import { ask, hostPath } from "./state-option.ts";

export interface StageChange {
  readonly stage: string;
  /** Empty = as before. */
  readonly changes: readonly DiffLine[];
}

export interface ChangeReport {
  readonly host: string;
  /** What the file is compared with, in words. */
  readonly against: string;
  readonly stages: readonly StageChange[];
}

interface Side {
  readonly words: string;
  readonly stages: readonly StageText[];
}

export async function planChanges(
  host: string,
  options: { readonly config: string; readonly before?: string | undefined; readonly state?: string | undefined },
  io: Io,
): Promise<ChangeReport> {
  const after = await sideOf(options.config, host, io);
  const before =
    options.before === undefined ? await runningSide(host, options.state, io) : await sideOf(options.before, host, io);
  if (after.stages.length === 0 && before.stages.length === 0) {
    throw new EverbootError("host-unknown", { host, hint: `: neither in ${after.words} nor in ${before.words}` });
  }
  return {
    host,
    against: `${after.words} against ${before.words}`,
    stages: compareStages(before.stages, after.stages),
  };
}

/** A host that is not in the file has no stages: its coming or going is a change. */
async function sideOf(file: string, name: string, io: Io): Promise<Side> {
  const { site } = await requireSite(file, io);
  const host = site.hosts.get(name);
  return { words: file, stages: host ? await showHostOf(site).stages(host) : [] };
}

/** Without a daemon everything is new. */
async function runningSide(host: string, state: string | undefined, io: Io): Promise<Side> {
  try {
    const answer = (await ask(io, state, "GET", hostPath(host, "/stages"))) as {
      readonly revision: string;
      readonly stages: readonly StageText[];
    };
    return { words: `the running daemon (revision ${answer.revision.slice(0, 8)})`, stages: answer.stages };
  } catch (error) {
    if (!(error instanceof EverbootError) || error.code !== "daemon-absent") throw error;
    return { words: "nothing, as no daemon runs here", stages: [] };
  }
}

/** Stages of both, in the order of the newer; what is gone comes last. */
export function compareStages(before: readonly StageText[], after: readonly StageText[]): StageChange[] {
  const linesOf = (side: readonly StageText[], name: string) => side.find(({ stage }) => stage === name)?.lines ?? [];
  const names = [...new Set([...after, ...before].map(({ stage }) => stage))];
  return names.map((stage) => {
    const lines = diffLines(linesOf(before, stage), linesOf(after, stage));
    return { stage, changes: lines.some(({ kind }) => kind !== "same") ? lines : [] };
  });
}

export function changesText({ host, against, stages }: ChangeReport): string[] {
  const changed = stages.filter(({ changes }) => changes.length > 0);
  const same = stages.filter(({ changes }) => changes.length === 0).map(({ stage }) => stage);
  return [
    `${host}: ${against}`,
    ...changed.flatMap(({ stage, changes }) => [`  ${stage}`, ...nearChanges(changes).map((line) => `    ${line}`)]),
    ...(same.length > 0 ? [`  as before: ${same.join(", ")}`] : []),
  ];
}
