/** A machine and a terminal for tests of the command line: nothing of this computer is read. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { MachineNetwork } from "../../../src/bond/machine-network.ts";
import type { BondMachine } from "../../../src/cli/bond-render.ts";
import type { Io } from "../../../src/cli/command.ts";

export interface Terminal extends Io {
  readonly printed: string[];
  readonly complaints: string[];
}

export function terminal(env: Io["env"] = {}, cwd = "/"): Terminal {
  const [printed, complaints]: [string[], string[]] = [[], []];
  return {
    ...{ printed, complaints, cwd, env, terminal: false, columns: 80, signal: new AbortController().signal },
    out: (line) => printed.push(line),
    err: (line) => complaints.push(line),
    write: (text) => printed.push(text),
  };
}

/** With these files below its root. */
export function bondMachine(
  t: TestContext,
  network: MachineNetwork,
  files: Readonly<Record<string, string>> = {},
): BondMachine {
  const root = mkdtempSync(join(tmpdir(), "everboot-bond-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { root, network: () => Promise.resolve(network) };
}
