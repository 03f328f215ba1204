/** What dpkg 1.21 and apt 2.6 say while they install, in the logs of Debian's and Ubuntu's installers. */
import { failure, installed, type LogPattern, step } from "./log-lines.ts";

/** `before`: what stands in the line before dpkg's own words, for a regular expression. */
export function dpkgPatterns(program: RegExp, before = ""): readonly LogPattern[] {
  const words = (pattern: string) => new RegExp(`^${before}${pattern}`);
  return [
    { program, text: words("Setting up (\\S+) \\("), finds: ([, name = ""]) => installed(bare(name)) },
    {
      program,
      text: words("Unpacking (\\S+) \\("),
      finds: ([, name = ""]) => ({ kind: "progress", text: `unpacking ${bare(name)}` }),
    },
    {
      program,
      text: words("\\d+ upgraded, ([1-9]\\d*) newly installed, "),
      finds: ([, count = ""]) => step(`installing more packages: ${count}`),
    },
    { program, text: words("E: (.+)"), finds: ([, text = ""]) => failure(`apt: ${text}`) },
    { program, text: words("(dpkg: error processing .+)"), finds: ([, text = ""]) => failure(text) },
  ];
}

/** dpkg names an architecture where several are possible: `libc6:amd64`. */
function bare(name: string): string {
  return name.replace(/:.*/, "");
}
