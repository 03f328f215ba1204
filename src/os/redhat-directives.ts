/** Kickstart text: commands, `%` sections, and shell text that may stand in a section (pykickstart parser.py). */
import type { OverlayFile } from "./family.ts";
import { shellQuote } from "./quoting.ts";

/** Folder of the installer, for all that scripts leave to each other and to Anaconda. */
export const WORK = "/tmp/everboot";

/** `true` = a switch without a value; absent and `false` = not there. */
export type Options = Readonly<Record<string, string | number | boolean | undefined>>;

/** `part / --fstype=xfs --grow`; words and values are quoted where needed. */
export function directive(name: string, words: readonly string[], options: Options = {}): string {
  return [name, ...words.map(ksWord), ...Object.entries(options).flatMap(optionWord)].join(" ");
}

function optionWord([key, value]: readonly [string, Options[string]]): string[] {
  if (value === undefined || value === false) return [];
  return [value === true ? `--${key}` : `--${key}=${ksWord(String(value))}`];
}

/** Python's shlex reads single quotes as a shell does. */
function ksWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : shellQuote(word);
}

/** A section's lines, between its header and `%end`. */
export function section(header: string, lines: readonly string[]): string {
  return [header, ...lines, "%end"].join("\n");
}

/**
 * One word of a shell script inside a section, whatever `text` holds. A line that begins with `%end`, or with another
 * word that kickstart knows, would end the section, in quotes and behind blanks too: `''`, which is nothing to the
 * shell, goes before it.
 */
export function scriptWord(text: string): string {
  return shellQuote(text).replace(/^([ \t]*)%/gm, "$1''%");
}

const END_OF_FILE = "END_OF_FILE";

/** Commands of a script that write a file below `root`; its folders are made. */
export function writeFile(file: OverlayFile, root = ""): string[] {
  const { mode, content } = file;
  const place = `${root}${absolute(file)}`;
  const text = typeof content === "string" ? content : Buffer.from(content).toString("utf8");
  const folder = place.slice(0, place.lastIndexOf("/"));
  return [`mkdir -p ${folder}`, ...fileText(text, place), `chmod ${mode.toString(8).padStart(4, "0")} ${place}`];
}

export function absolute({ path }: Pick<OverlayFile, "path">): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** As it is, unless a line of it would mean something to kickstart or to the shell. */
function fileText(text: string, place: string): string[] {
  const isPlain = text.endsWith("\n") && !/^[ \t]*%/m.test(text) && !text.split("\n").includes(END_OF_FILE);
  if (!isPlain) return [`printf %s ${scriptWord(text)} >${place}`];
  return [`cat >${place} <<'${END_OF_FILE}'`, `${text}${END_OF_FILE}`];
}
