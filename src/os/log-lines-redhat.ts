/**
 * Anaconda's log as rsyslog sends it (`inst.syslog`), RHEL 7 to 10 and Fedora. Sources: rhinstaller/anaconda, branches
 * rhel7-branch (scripts/anaconda-yum, packaging/yumpayload.py), rhel-8, rhel-9 (payload/dnf/transaction_progress.py,
 * installation.py, kickstart.py), rhel-10 (modules/payloads/payload/dnf, modules/boss/installation.py).
 *
 * The same words come in three dresses: `packaging: words` (RHEL 7, the logger's name is the program), `anaconda:
 * anaconda: packaging: words` (anaconda_logging.py from RHEL 8 on), and with Python's `INFO:anaconda.modules.x:` from
 * the modules, whose programs are `org.fedoraproject.Anaconda.Modules.x`.
 */
import {
  COMMON_PATTERNS,
  failure,
  installed,
  type LogPattern,
  type LogReader,
  question,
  readerOf,
  step,
} from "./log-lines.ts";

const PROGRAM = /^(?:anaconda|packaging|program|storage|org\.fedoraproject\.Anaconda\.[\w.]+)$/;
const DRESS = /^(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL):[\w.]+:|(?:anaconda: )?(?:[a-z][\w.]*: )?)/;

/** What Anaconda says in the words of its progress bar, which RHEL 7 logs. */
const STEPS = new Set([
  "Setting up the installation environment",
  "Running pre-installation scripts",
  "Starting package installation process",
  "Downloading packages",
  "Preparing transaction from installation source",
  "Installing boot loader",
  "Performing post-installation setup tasks",
  "Configuring installed system",
  "Writing network configuration",
  "Creating users",
  "Configuring addons",
  "Generating initramfs",
  "Running post-installation scripts",
]);

const readWords = readerOf([
  {
    text: /^Installing (\S+) \((\d+)\/(\d+)\)/,
    finds: ([, name = "", done, of]) => ({
      kind: "progress",
      text: `installing ${name}`,
      done: Number(done),
      of: Number(of),
    }),
  },
  { text: /^Installed: (\S+) \d+ \w+$/, finds: ([, name = ""]) => installed(name) },
  { text: /^Queue started: (.+) \(\d+\/\d+\)$/, finds: ([, name = ""]) => step(lower(name)) },
  { text: /^Downloading packages to /, finds: () => step("downloading packages") },
  { text: /^Running anaconda-yum to install packages$/, finds: () => step("installing packages") },
  { text: /^Post installation setup phase started\.$/, finds: () => step("running the packages' scripts") },
  { text: /^All tasks in the installation queue are done\./, finds: () => step("the installation is done") },
  { text: /^([A-Z][\w -]+)$/, finds: ([text = ""]) => (STEPS.has(text) ? step(lower(text)) : undefined) },
  ...complaints(),
]);

const readCommon = readerOf(COMMON_PATTERNS);

export const readRedhatLog: LogReader = (program, text) => {
  const found = PROGRAM.test(program) ? readWords(program, text.replace(DRESS, "")) : undefined;
  return found ?? readCommon(program, text);
};

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function complaints(): readonly LogPattern[] {
  return [
    {
      text: /^Error code (\S+) running the kickstart script at line (\d+)/,
      finds: ([, code = "", line = ""]) => failure(`the kickstart script at line ${line} ended with code ${code}`),
    },
    { text: /^(Failed to download the following packages: .+)/, finds: ([, text = ""]) => failure(text) },
    { text: /^(?:DNF error|An error occurred during the transaction): (.+)/, finds: ([, text = ""]) => failure(text) },
    { text: /^(Error populating transaction.+)/, finds: ([, text = ""]) => failure(text) },
    // rsyslog writes a line end as #012 (its EscapeControlCharactersOnReceive).
    { text: /^Traceback \(most recent call last\):(.*)/, finds: ([, lines = ""]) => failure(lastOf(lines)) },
    {
      text: /(Would you like to ignore this and continue with installation\?)/,
      finds: ([, text = ""]) => question(text),
    },
  ];
}

function lastOf(lines: string): string {
  const last = lines
    .split("#012")
    .filter((line) => line.trim() !== "")
    .at(-1);
  return `the installer stopped: ${last ?? "see its log"}`;
}
