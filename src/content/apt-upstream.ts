/** The mirror that this server's own apt uses (`upstream: apt`). */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { EverbootError, errnoOf } from "../base/errors.ts";

const FORMAT = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)";

/** Runs apt-get and returns what it printed; injected in tests. */
export type RunApt = (args: readonly string[]) => Promise<string>;

const runApt: RunApt = async (args) => (await promisify(execFile)("apt-get", args)).stdout;

/** Throws EverbootError `upstream-unavailable` when apt knows no such mirror, `tool-missing` without apt. */
export async function aptUpstream(family: string, release: string, run: RunApt = runApt): Promise<string> {
  const output = await run(["indextargets", "--format", FORMAT, "Created-By: Packages"]).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw new EverbootError("upstream-unavailable", {}, error);
    throw new EverbootError("tool-missing", { tool: "apt-get", purpose: "`upstream: apt`", package: "apt" }, error);
  });
  const url = chooseAptUpstream(output, family, release);
  if (url === undefined) {
    const cause = new Error(`apt here knows no HTTP mirror of ${family} ${release}; run apt-get update, or give a URL`);
    throw new EverbootError("upstream-unavailable", {}, cause);
  }
  return url;
}

/** The first HTTP repository of `release` whose Origin is the family's name: `Debian` for `debian`. */
export function chooseAptUpstream(output: string, family: string, release: string): string | undefined {
  for (const line of output.split("\n")) {
    const [origin = "", url = "", suite = ""] = line.split("|");
    const fits = origin.toLowerCase() === family && suite === release && /^https?:\/\//.test(url);
    if (fits) return url.replace(/\/+$/, "");
  }
  return undefined;
}
