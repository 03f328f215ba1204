/** Causes that are told from a machine's permit and reports: `expired`, `failed`, `differs`, no restart. Pure. */
import { type KnownCause, timeText } from "./causes-stop.ts";

export const END_CAUSES: readonly KnownCause[] = [
  {
    id: "lacp-no-partner",
    text: "the switch does not speak LACP at the ports of the machine's bond",
    todo: "switch on LACP at these ports, or declare another bond mode",
    tell: ({ state, events }) => (state === "differs" ? verdictText(events, /LACP/) : undefined),
  },
  {
    id: "network-differs",
    text: "the installed system's network did not come up as the site file declares it",
    todo: "put right what is told, and run `everboot bond status` on the machine",
    tell: ({ state, events }) =>
      state === "differs" ? (verdictText(events, /./) ?? "its own report says so") : undefined,
  },
  {
    id: "permit-expired-unasked",
    text: "the machine never asked to boot from the network while its permit was valid",
    todo: "switch it on, put network boot first, see that its MAC is the site file's, then `everboot install HOST`",
    tell: ({ state, permit, boot }) => {
      if (state !== "expired" || !permit || (boot && boot.trace.started >= permit.issued)) return undefined;
      return `permit ${permit.id} was valid from ${timeText(permit.issued)} to ${timeText(permit.expires)}`;
    },
  },
  {
    id: "server-cannot-write",
    text: "the server cannot keep its state: its disk is full or broken, or the cluster's state is away",
    todo: "make room or repair it (`everboot cluster status`); the machine asks again or is started again",
    tell: ({ state, around }) => (state === "failed" ? undefined : around?.trouble),
  },
  {
    id: "disk-does-not-boot",
    text: "the machine was installed, and comes back to the network in place of starting from its disk",
    todo: "see the boot order and which disk the firmware starts; BIOS or UEFI must be as at the install",
    tell: ({ loop }) =>
      loop?.stage === "reboot" ? `sent to its disk ${loop.boots} times since its install was done` : undefined,
  },
];

/** For every install that reported its own failure, if nothing better was found. */
export const FAILED: KnownCause = {
  id: "installer-failed",
  text: "the installer gave up",
  todo: "read its own words, and `everboot logs HOST` for what came before them",
  tell: ({ state, events }) => {
    if (state !== "failed") return undefined;
    const text = events.findLast(({ what, facts }) => what === "report" && facts.event === "failed")?.facts.text;
    return text === undefined ? "it reported a failure without a reason" : `the installer said: ${text}`;
  },
};

export const MIDWAY: KnownCause = {
  id: "permit-expired-midway",
  text: "the permit ran out before the machine's installer began to write",
  todo: "`everboot install HOST`, with `--minutes` for a longer time",
  tell: ({ state, permit, since, stage }) =>
    state === "expired" && permit
      ? `permit ${permit.id} ended at ${timeText(permit.expires)}; last sign ${timeText(since)}${stage ? ` in stage ${stage}` : ""}`
      : undefined,
};

function verdictText(events: Parameters<KnownCause["tell"]>[0]["events"], pattern: RegExp): string | undefined {
  const report = events.findLast(({ stage, what }) => stage === "verified" && what === "report");
  const text = String(report?.facts.text ?? "");
  return pattern.test(text) ? `its report: ${text}` : undefined;
}
