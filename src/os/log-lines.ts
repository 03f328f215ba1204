/** What a line of an installer's log tells: the port that each family's reader fills (log-lines-<family>.ts). Pure. */

export interface LogFinding {
  /**
   * `step` the installer begins something; `progress` it goes on with packages; `error` something went wrong, which it
   * may get over; `question` it waits at its screen for an answer.
   */
  readonly kind: "step" | "progress" | "error" | "question";
  /** For the operator; one line. */
  readonly text: string;
  /** Packages done, as the line itself says it. */
  readonly done?: number;
  /** Packages in all, as the line itself says it. */
  readonly of?: number;
  /** The line says that one more package is done, and not how many there are. */
  readonly isOneMore?: boolean;
}

/** `program` is empty when the line names none. Undefined: the line says nothing that is known. */
export type LogReader = (program: string, text: string) => LogFinding | undefined;

export interface LogPattern {
  /** Absent: any. */
  readonly program?: RegExp;
  /** Anchored, or without repetitions that may overlap: it meets every line of every log. */
  readonly text: RegExp;
  readonly finds: (match: readonly string[]) => LogFinding | undefined;
}

/** Characters of a line that are looked at: a traceback that rsyslog has put into one line has its message at the end. */
const LONGEST_LOOKED_AT = 16_384;
/** Characters of a finding's text. */
const LONGEST_TEXT = 300;

/** The first pattern that finds something tells what the line means. */
export function readerOf(patterns: readonly LogPattern[]): LogReader {
  return (program, text) => {
    const shown = text.slice(0, LONGEST_LOOKED_AT).trim();
    for (const pattern of patterns) {
      if (pattern.program && !pattern.program.test(program)) continue;
      const match = pattern.text.exec(shown);
      const finding = match && pattern.finds(match);
      if (finding) return shortened(finding);
    }
    return undefined;
  };
}

function shortened(finding: LogFinding): LogFinding {
  return { ...finding, text: finding.text.replace(/\s+/g, " ").slice(0, LONGEST_TEXT).trim() };
}

export function step(text: string): LogFinding {
  return { kind: "step", text };
}

export function failure(text: string): LogFinding {
  return { kind: "error", text };
}

export function question(text: string): LogFinding {
  return { kind: "question", text: `the installer asks: ${text}` };
}

/** One package more is installed. */
export function installed(name: string): LogFinding {
  return { kind: "progress", text: `installed ${name}`, isOneMore: true };
}

/** Of the kernel and of our own scripts, whatever the family; they go after the family's own. */
export const COMMON_PATTERNS: readonly LogPattern[] = [
  // Linux, block/blk-core.c print_req_error and its successor blk_print_req_error.
  {
    text: /I\/O error, dev (\S+), sector/,
    finds: ([, disk = ""]) => failure(`the disk ${disk} cannot be read or written`),
  },
  // Linux, mm/oom_kill.c __oom_kill_process.
  {
    text: /Out of memory: Kill(?:ed)? process \d+ \(([^)]*)\)/,
    finds: ([, name = ""]) => failure(`out of memory: the kernel ended ${name}`),
  },
  // strerror(ENOSPC) of glibc and busybox, in any program's complaint.
  { text: /No space left on device/, finds: () => failure("no space left on a device") },
  // GNU wget 1.21, busybox wget, curl, and glibc's words for EAI_AGAIN and EAI_NONAME.
  {
    text: /(?:unable to resolve host address|bad address|Could not resolve host:?|Temporary failure (?:resolving|in name resolution)|Name or service not known).*/,
    finds: ([text = ""]) => failure(text.trim()),
  },
  {
    program: /^everboot$/,
    text: /^report (\S+): (refused|no answer)$/,
    finds: ([, event = "", why = ""]) =>
      failure(`report ${event}: ${why === "refused" ? "the server refused it" : why}`),
  },
  { program: /^everboot$/, text: /^no permit for this installation.*/, finds: ([text = ""]) => failure(text) },
];
