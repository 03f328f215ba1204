/** A machine that starts over and over. Pure. */
import { type HostView, waitsForTurn } from "./awaiting.ts";
import { type BootFold, endsInstall } from "./boot-trace.ts";
import type { BootLoop } from "./causes-stop.ts";
import type { Stage } from "./events.ts";

/** As many boots in a row, each within LOOP_GAP of the one before, that come to an end at the same stage. */
const LOOPS = 3;
/** So many of the newest boots are looked at. */
export const LOOKED_AT = LOOPS + 1;
const LOOP_GAP = 15 * 60_000;

export function loopOf(view: HostView): BootLoop | undefined {
  return view.base === "installed" ? diskLoop(view) : networkLoop(view);
}

function networkLoop({ boots, base, permit }: HostView): BootLoop | undefined {
  const row = boots.slice(-LOOPS);
  const [first] = row;
  const reached = row.at(-1)?.trace.stages.at(-1);
  if (first === undefined || reached === undefined || row.length < LOOPS) return undefined;
  if (base !== "booting" && base !== "installing") return undefined;
  const isOfPermit = permit === undefined || permit.issued <= first.trace.started;
  if (!isOfPermit || !row.every((each, place) => followsOn(row[place - 1], each, reached.stage))) return undefined;
  return { boots: row.length, since: first.trace.started, until: reached.first, stage: reached.stage };
}

function followsOn(before: BootFold | undefined, { trace, events }: BootFold, stage: Stage): boolean {
  if (trace.stages.at(-1)?.stage !== stage || waitsForTurn(events) !== undefined) return false;
  return before === undefined || trace.started - before.trace.started <= LOOP_GAP;
}

/** It was installed, and is sent to its disk again and again. */
function diskLoop({ events }: HostView): BootLoop | undefined {
  const used = events.findLastIndex(endsInstall);
  const sent = events.slice(used).filter(({ what }) => what === "local-boot");
  const row = sent.slice(-LOOPS).map(({ at }) => at);
  const [since, until] = [row[0], row.at(-1)];
  if (used < 0 || since === undefined || until === undefined || row.length < LOOPS) return undefined;
  if (row.some((at, place) => at - (row[place - 1] ?? at) > LOOP_GAP)) return undefined;
  return { boots: sent.length, since, until, stage: "reboot" };
}
