/** System programs that the daemon runs as children. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EverbootError } from "../base/errors.ts";

/** What a program is for, and the Debian package that has it. */
export interface ProgramNeed {
  readonly purpose: string;
  readonly package: string;
}

/** Where daemons are, which are not on everybody's PATH. */
const FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/**
 * Absolute path: from `searchPath` (as PATH has it), else from where distributions put daemons.
 * @throws EverbootError `tool-missing`
 */
export function findProgram(name: string, searchPath: string, need: ProgramNeed): string {
  const folders = [...searchPath.split(":").filter(Boolean), ...FOLDERS];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new EverbootError("tool-missing", { tool: name, ...need });
  return found;
}
