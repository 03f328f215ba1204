/**
 * The Debian Installer's syslog: Debian 11 to 13. The words are those of main-menu 1.65, base-installer 1.213,
 * debootstrap 1.0.128, grub-installer 1.212, finish-install 2.124, choose-mirror and net-retriever of Debian 12;
 * "WARNING **" is how libdebian-installer writes what is worse than a notice.
 */
import { COMMON_PATTERNS, failure, type LogPattern, question, readerOf, step } from "./log-lines.ts";
import { questionText } from "./log-lines-debian-questions.ts";
import { dpkgPatterns } from "./log-lines-dpkg.ts";

/** Of main-menu's items, which are packages of the installer. */
const STEPS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    localechooser: "choosing the language",
    "console-setup-udeb": "choosing the keyboard",
    ethdetect: "detecting network hardware",
    "hw-detect": "detecting hardware",
    netcfg: "configuring the network",
    "network-preseed": "fetching answers",
    "file-preseed": "reading its answers",
    "choose-mirror": "checking the package source",
    "download-installer": "loading installer components",
    "user-setup-udeb": "setting up users",
    "clock-setup": "setting the clock",
    "tzsetup-udeb": "choosing the time zone",
    "disk-detect": "detecting disks",
    "partman-base": "partitioning",
    "bootstrap-base": "installing the base system",
    "apt-setup-udeb": "configuring apt",
    pkgsel: "installing packages",
    "grub-installer": "installing the boot loader",
    nobootloader: "going on without a boot loader",
    "finish-install": "finishing the installation",
  }),
);

/** What apt and dpkg say comes under the name of the step that ran them. */
const APT = /^(?:debootstrap|base-installer|apt-install|apt-setup|in-target|pkgsel|grub-installer|finish-install)$/;
const MENU = /^main-menu$/;

export const readDebianLog = readerOf([
  { program: MENU, text: /^INFO: Menu item '([^']+)' selected$/, finds: ([, item = ""]) => step(nameOf(item)) },
  {
    program: MENU,
    text: /Menu item '([^']+)' failed\.$/,
    finds: ([, item = ""]) => failure(`this step failed: ${nameOf(item)}`),
  },
  // The watcher of debian-question.ts.
  { program: /^everboot$/, text: /^question:(.*)$/, finds: ([, names = ""]) => question(questionText(names.trim())) },
  { program: /^everboot$/, text: /^the question was answered$/, finds: ([text = ""]) => step(text) },
  {
    program: /^anna$/,
    text: /^DEBUG: retrieving (\S+) /,
    finds: ([, name = ""]) => ({ kind: "progress", text: `loading component ${name}` }),
  },
  ...dpkgPatterns(APT),
  ...complaints(),
  ...COMMON_PATTERNS,
]);

function nameOf(item: string): string {
  return STEPS.get(item) ?? item;
}

function complaints(): readonly LogPattern[] {
  return [
    // base-installer's exit_error names the dialog that comes next.
    {
      program: /^base-installer$/,
      text: /^error: exiting on error (\S+)/,
      finds: ([, name = ""]) => failure(`the base system cannot be installed (${name})`),
    },
    {
      program: /^(?:base-installer|grub-installer|net-retriever|finish-install)$/,
      text: /^error: (.+)/,
      finds: ([, text = ""]) => failure(text),
    },
    {
      program: /^(?:base-installer|finish-install|pkgsel)$/,
      text: /^warning: (\S+ returned error code \d+)/,
      finds: ([, text = ""]) => failure(text),
    },
    { program: /^partman$/, text: /^Error:? (.+)/, finds: ([, text = ""]) => failure(`partitioning: ${text}`) },
    {
      program: /^(?:choose-mirror|anna)$/,
      text: /^WARNING \*\*: (.+)/,
      finds: ([, text = ""]) => failure(text),
    },
  ];
}
