/**
 * Why a machine does not go on: a table of known causes, each with the fact it is told from and what to do about it.
 * Tried from the most specific to the least; the first that finds its evidence is told. docs/trace.md has it too. Pure.
 */
import { BOOT_CAUSES, BOOT_SILENCES } from "./causes-boot.ts";
import { END_CAUSES, FAILED, MIDWAY } from "./causes-end.ts";
import { FETCH_CAUSES } from "./causes-fetch.ts";
import { INSTALL_SILENCES } from "./causes-install.ts";
import { tellBehindQuestion } from "./causes-question.ts";
import { type KnownCause, minutesText, type Stop, timeText } from "./causes-stop.ts";
import { QUESTION, TEXT_CAUSES, tellByText } from "./causes-text.ts";
import type { Cause } from "./status.ts";

const LOOP: KnownCause = {
  id: "boot-loop",
  text: "the machine starts over and over and gets no further",
  todo: "look at its screen: it fails at the same place each time; `everboot logs HOST` has what its installer said",
  tell: ({ loop }) =>
    loop && `${loop.boots} boots in ${minutesText(loop.until - loop.since)}, each up to ${loop.stage}`,
};

const SILENCE: KnownCause = {
  id: "silence",
  text: "nothing was heard of the machine, and the reason is not known",
  todo: "look at its screen and at its cables; `everboot doctor` checks the servers and the network",
  tell: ({ since, stage, awaiting }) =>
    `no sign since ${timeText(since)}${stage ? `, in stage ${stage}` : ""}${awaiting ? `; awaited: ${awaiting}` : ""}`,
};

/** Those told from the installer's own lines come before all of these. */
const BY_FACTS: readonly KnownCause[] = [
  ...END_CAUSES,
  ...FETCH_CAUSES,
  FAILED,
  ...BOOT_CAUSES,
  MIDWAY,
  LOOP,
  ...BOOT_SILENCES,
  ...INSTALL_SILENCES,
  SILENCE,
];

/** The table, in the order in which it is tried. */
export const CAUSES: readonly Pick<KnownCause, "id" | "text" | "todo">[] = [...TEXT_CAUSES, QUESTION, ...BY_FACTS];

export function causeOf(stop: Stop): Cause {
  const first = tellByText(stop) ?? tellByFacts(stop);
  const told = (first.id === QUESTION.id ? tellBehindQuestion(stop, first.evidence) : undefined) ?? first;
  if (!stop.loop || stop.loop.stage === "reboot" || told.id === LOOP.id) return told;
  return { ...told, evidence: `${told.evidence}; ${LOOP.tell(stop)}` };
}

function tellByFacts(stop: Stop): Cause {
  for (const { tell, ...cause } of BY_FACTS) {
    const evidence = tell(stop);
    if (evidence !== undefined) return { ...cause, evidence };
  }
  throw new Error("the last cause of the table is always told");
}
