/** Text put where a shell, the Debian Installer or the kernel's command line parser reads it again. */

/** One word for a POSIX shell, whatever `text` holds. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * One line of a preseed file (debconf-set-selections(1)). The format has no escapes: a value ends with its line, and a
 * backslash before the line's end joins the next line. So white space in `value` becomes single spaces, and a
 * backslash at its end is kept from being the last character.
 */
export function preseedLine(question: string, type: string, value = "", owner = "d-i"): string {
  const text = value.replace(/\s+/g, " ").trim();
  const line = text === "" ? `${owner} ${question} ${type}` : `${owner} ${question} ${type} ${text}`;
  return line.endsWith("\\") ? `${line} ` : line;
}

/**
 * One argument of a kernel command line: `name=a b` becomes `name="a b"` (the kernel's next_arg() in lib/cmdline.c).
 * A double quote cannot be escaped there; an argument that has one is taken to be quoted already.
 */
export function kernelArgument(argument: string): string {
  if (!/\s/.test(argument) || argument.includes('"')) return argument;
  const [, name = "", value = argument] = /^([^=\s]+=)(.*)$/s.exec(argument) ?? [];
  return `${name}"${value}"`;
}
