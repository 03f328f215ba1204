/** What every command of the command line is: one file each, listed in main.ts. */

/** The world of a command, passed in so that tests can watch it. */
export interface Io {
  /** Writes one line to standard output / standard error; the newline is added. */
  out(line: string): void;
  err(line: string): void;
  /** Writes to standard output as it is: for lines that are drawn again. */
  write(text: string): void;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Standard output is a terminal: colours and redrawing are welcome. */
  readonly terminal: boolean;
  /** Width of the terminal in characters. */
  readonly columns: number;
}

export interface Command {
  readonly name: string;
  /** One line for `everboot help`. */
  readonly summary: string;
  /** Shown by `everboot help NAME` and on misuse: the call, then a line for each option. */
  readonly usage: string;
  /**
   * Resolves with the exit code: 0 well, 1 the thing asked about is not well, 2 the command or file is wrong.
   * An EverbootError thrown here is printed as one line by main.ts and gives its own exit code.
   */
  run(args: readonly string[], io: Io): Promise<number>;
}
