/** Causes from the installer's kernel to the first start: what was heard last, stage by stage. Pure. */
import { type KnownCause, type Stop, timeText } from "./causes-stop.ts";

export const INSTALL_SILENCES: readonly KnownCause[] = [
  {
    id: "installer-stuck",
    text: "the installer's kernel runs and its installer does not go on",
    todo: "see its screen; with little memory it never gets to its answers",
    tell: ({ stage, events }) => {
      const sign = events.findLast(({ what, facts }) => facts.asking === "installer" || what === "log");
      return stage === "kernel" && sign ? `the installer was last heard at ${timeText(sign.at)}` : undefined;
    },
  },
  {
    id: "installer-nic-unknown",
    text: "the installer has no network: it lacks a driver or firmware for the NIC, or took another NIC",
    todo: "see the installer's screen for the NIC; use a newer release, or add the firmware to the tree",
    tell: ({ stage }) =>
      stage === "kernel" ? "kernel and initrd were fetched, and nothing was heard after it" : undefined,
  },
  {
    id: "packages-not-begun",
    text: "the installer has its answers and does not begin: no disk that it can use, or a question at its screen",
    todo: "see `disk` of the profile against the machine's disks, and the machine's screen",
    tell: (stop) =>
      stop.stage === "answer" ? heard(stop, "the answers were read, and no package was fetched") : undefined,
  },
  {
    id: "machine-gone",
    text: "the machine is off or cut from the network: other machines were served meanwhile",
    todo: "see its power, cable and switch port; start it again, with another permit if it had begun to write",
    tell: ({ stage, since, around }) => {
      const other = around?.lastServed;
      if (stage !== "packages" || other === undefined || other - since < OTHERS_MS) return undefined;
      return `no sign since ${timeText(since)}; another machine was served at ${timeText(other)}`;
    },
  },
  {
    id: "packages-stopped",
    text: "the installer fetches no more packages and reports nothing",
    todo: "see whether the machine is on, and its screen; then start it again, with another permit if it had begun to write",
    tell: (stop) => {
      const stage = stop.boot?.trace.stages.find((each) => each.stage === "packages");
      return stop.stage === "packages" ? heard(stop, `${stage?.files ?? 0} files were fetched`) : undefined;
    },
  },
  {
    id: "post-stopped",
    text: "the packages are installed and the installer does not come to its end",
    todo: "see its screen and `everboot logs HOST`: a command of `late` may wait, or the boot loader fails",
    tell: (stop) => (stop.stage === "post" ? heard(stop, "the installer is past its packages") : undefined),
  },
  {
    id: "first-boot-silent",
    text: "the installed system was started and does not report",
    todo: "see its screen: it may not find its disk, or its network did not come up as declared",
    tell: (stop) =>
      stop.stage === "reboot" && stop.isBack ? heard(stop, "the machine is back from its install") : undefined,
  },
  {
    id: "restart-missing",
    text: "the install is done and the machine does not come back",
    todo: "see whether it is on: it may wait at its screen, or hang while it shuts down",
    tell: (stop) => (stop.stage === "reboot" ? heard(stop, "the installer reported success") : undefined),
  },
];

/** Milliseconds for which others must have been served after the last sign of this one. */
const OTHERS_MS = 60_000;

function heard({ since }: Stop, what: string): string {
  return `${what}; no sign since ${timeText(since)}`;
}
