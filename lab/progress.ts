/** Reads a machine's console (and the installer's log, where that goes to the same place) as stages. Pure. */

/** In the order of an installation. */
export const MACHINE_STAGES = [
  "firmware",
  "loader",
  "kernel",
  "network",
  "preseed",
  "components",
  "disks",
  "partitioning",
  "base",
  "packages",
  "boot-loader",
  "finishing",
  "rebooting",
  "disk-boot",
  "installed",
] as const;
export type MachineStage = (typeof MACHINE_STAGES)[number];

/** For people: what a stage means. */
export const STAGE_LABELS: Readonly<Record<MachineStage, string>> = {
  firmware: "firmware asks the network",
  loader: "boot loader starts",
  kernel: "installer's kernel runs",
  network: "installer has its address",
  preseed: "answers are accepted",
  components: "installer components load",
  disks: "disks are looked for",
  partitioning: "disk is partitioned",
  base: "packages of the base system arrive",
  packages: "further packages are installed",
  "boot-loader": "boot loader is installed",
  finishing: "installation finishes",
  rebooting: "machine reboots",
  "disk-boot": "machine boots from its disk",
  installed: "installed system asks for a log-in",
};

/**
 * What shows that a stage has begun: titles of the installer's text and newt front ends (Debian 12, English), its
 * syslog lines, and what firmware, iPXE, GRUB and the kernel print.
 */
const SIGNS: ReadonlyArray<readonly [MachineStage, RegExp]> = [
  ["firmware", /iPXE \(PCI [0-9a-f:.]+\) starting execution|>>Start PXE over IPv4|>>Start HTTP Boot over IPv4/],
  [
    "loader",
    /iPXE [\d.]+\S* -- Open Source Network Boot|PXELINUX \d|Welcome to GRUB!|NBP file downloaded successfully/,
  ],
  ["kernel", /Starting system log daemon|syslogd started: BusyBox|Detecting network hardware/],
  ["network", /Configuring the network with DHCP.*100%|netcfg\[\d+\]: DEBUG: .*DHCP lease/],
  // The first step after the network that would ask, were there no answers.
  ["preseed", /Checking the Debian archive mirror|Menu item 'choose-mirror' selected/],
  ["components", /Loading additional components|Menu item 'download-installer' selected/],
  ["disks", /Detecting disks and all other hardware|Menu item 'disk-detect' selected/],
  ["partitioning", /Starting up the partitioner|Menu item 'partman-base' selected/],
  ["base", /Installing the base system|Menu item 'bootstrap-base' selected/],
  ["packages", /Configuring apt|Select and install software|Menu item '(apt-setup-udeb|pkgsel)' selected/],
  ["boot-loader", /Installing GRUB boot loader|Menu item 'grub-installer' selected/],
  ["finishing", /Finishing the installation|Menu item 'finish-install' selected/],
  ["rebooting", /reboot: (Restarting system|Power down)/],
  ["disk-boot", /Booting from (Hard Disk|SAN device|local disk)|GNU GRUB +version|Loading Linux \d/],
  ["installed", /^\S+ login: $/],
];

/** How much of the console's end is kept, without escape sequences: more than a screen of 80 by 25. */
const TAIL_LENGTH = 4000;
/** The text front end ends a question with one of these; newt's titles start with [!] or [!!]. */
const TEXT_QUESTION = /(Prompt: [^\n]*|\[Press enter to continue\])$/;
const NEWT_QUESTION = /\[!!?\] /;
/** The status bar that `screen` draws anew every minute; the installer uses it unless TERM is dumb. */
const STATUS_BAR = /^\[ .*\]\[ /;

const ESCAPE = String.fromCharCode(27);
/** Sequences that move the cursor or clear: ECMA-48 CUP, HVP, ED, and RIS. */
const MOVES = new RegExp(`${ESCAPE}\\[[0-9;?]*[HfJ]|${ESCAPE}c|\r`, "g");
const OTHER_ESCAPES = new RegExp(`${ESCAPE}(?:\\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>78])|\\u0008`, "g");

/**
 * A console's text without its escape sequences. Moving the cursor counts as a new line, because the texts on its two
 * sides do not belong together.
 */
export function plainText(text: string): string {
  return text
    .replace(MOVES, "\n")
    .replace(OTHER_ESCAPES, "")
    .replace(/\n{2,}/g, "\n");
}

export interface StageReached {
  readonly stage: MachineStage;
  /** Counts the machine's boots from 1. */
  readonly boot: number;
}

/** Feed it what the console shows, in pieces of any size; escape sequences may be cut. */
export class ConsoleProgress {
  private line = "";
  private tail = "";
  private boot = 1;
  private latest: MachineStage | undefined;

  /** The stages that these pieces bring; a stage is told once a boot, and never one that lies behind. */
  feed(chunk: string): StageReached[] {
    this.tail = plainText(this.tail + chunk).slice(-TAIL_LENGTH);
    const lines = plainText(this.line + chunk).split("\n");
    this.line = lines.at(-1) ?? "";
    return lines.flatMap((line) => this.readLine(line));
  }

  /** The question that the installer asks, if its console ends with one; whether it stands is for the caller to see. */
  question(): string | undefined {
    const text = this.screen();
    return NEWT_QUESTION.test(text) || TEXT_QUESTION.test(text) ? text : undefined;
  }

  /** The console's last lines, some two screens. */
  screen(): string {
    const lines = this.tail.split("\n").map((line) => line.trimEnd());
    return lines
      .filter((line) => line !== "" && !STATUS_BAR.test(line))
      .slice(-50)
      .join("\n");
  }

  private readLine(line: string): StageReached[] {
    const found = SIGNS.filter(([, sign]) => sign.test(line)).map(([stage]) => stage);
    return found.flatMap((stage) => (this.advance(stage) ? [{ stage, boot: this.boot }] : []));
  }

  /** After a reboot everything starts over, whatever shows first. An unfinished line is read again as it grows. */
  private advance(stage: MachineStage): boolean {
    if (stage === this.latest) return false;
    const isNew = this.latest === undefined || place(stage) > place(this.latest);
    const restarts = this.latest === "rebooting" || stage === "firmware";
    if (!isNew && !restarts) return false;
    if (!isNew || this.latest === "rebooting") this.boot += 1;
    this.latest = stage;
    return true;
  }
}

function place(stage: MachineStage): number {
  return MACHINE_STAGES.indexOf(stage);
}
