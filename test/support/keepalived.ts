/** What keepalived says of a configuration. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepalivedProgram } from "../../lab/servers.ts";
import { runJudge, type Verdict } from "./judges.ts";

/** Why it cannot judge here, for `test(name, { skip })`. */
export function keepalivedObstacle(): string | undefined {
  return keepalivedProgram().obstacle;
}

/** By `--config-test`: exit code 0 for a good one. The devices that it names must exist. */
export function keepalivedVerdict(config: string): Verdict {
  const { program, env } = keepalivedProgram();
  const folder = mkdtempSync(join(tmpdir(), "everboot-keepalived-"));
  try {
    const path = join(folder, "keepalived.conf");
    writeFileSync(path, config, { mode: 0o600 });
    return runJudge(program, ["--config-test", "--log-console", "-f", path], { env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
