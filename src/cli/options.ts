/** Command line options, with misuse told in one line. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { EverbootError } from "../base/errors.ts";

/** `parseArgs` of Node, strict; every misuse is the error `usage` (exit 2). */
export function parseOptions<const T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const what = error instanceof Error ? (error.message.split(". ")[0] ?? error.message) : String(error);
    throw new EverbootError("usage", { what: `${what}: see everboot help` }, error);
  }
}

/** The positional arguments, when their number is right. */
export function wantPositionals(found: readonly string[], min: number, max: number, usage: string): readonly string[] {
  if (found.length >= min && found.length <= max) return found;
  throw new EverbootError("usage", { what: `usage: ${usage.split("\n")[0]}` });
}
