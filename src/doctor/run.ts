/** Runs all checks side by side, each within its time; none can keep the others from telling what they see. */
import type { Clock } from "../base/clock.ts";
import { EverbootError, errnoOf } from "../base/errors.ts";
import type { Check, Scene } from "./check.ts";
import { type Finding, unseen } from "./findings.ts";

export interface CheckReport {
  readonly check: string;
  readonly findings: readonly Finding[];
}

/** Milliseconds that one check has. */
export const CHECK_MS = 5000;

/** In the order of the checks; never rejects. */
export function runChecks(checks: readonly Check[], scene: Scene): Promise<readonly CheckReport[]> {
  return Promise.all(
    checks.map(async (check) => ({ check: check.name, findings: await runCheck(check, scene, scene.clock) })),
  );
}

async function runCheck(check: Check, scene: Scene, clock: Clock): Promise<readonly Finding[]> {
  const late = new AbortController();
  const timer = clock.after(CHECK_MS, () => late.abort());
  const ended = Promise.withResolvers<never>();
  late.signal.addEventListener("abort", () => ended.reject(new LateError()));
  try {
    const looking = check.of === "machine" ? check.look(scene, late.signal) : lookAsServer(check, scene, late.signal);
    return await Promise.race([looking, ended.promise]);
  } catch (error) {
    return [excuse(error)];
  } finally {
    timer.cancel();
    late.abort();
    ended.promise.catch(() => undefined);
  }
}

function lookAsServer(check: Extract<Check, { of: "server" }>, scene: Scene, signal: AbortSignal) {
  const { server } = scene;
  return server ? check.look({ ...scene, server }, signal) : Promise.resolve([]);
}

class LateError extends Error {}

const NOT_ALLOWED = new Set(["EPERM", "EACCES"]);

/** Why nothing could be seen, with what to do. */
export function excuse(error: unknown): Finding {
  if (error instanceof LateError) return unseen(`not done within ${CHECK_MS / 1000} s`, "run it again");
  const errno = errnoOf(error);
  if (NOT_ALLOWED.has(errno ?? "")) return unseen("not allowed", "run it as root", errno);
  if (error instanceof EverbootError) {
    const { tool, purpose, package: name } = error.details;
    if (error.code === "tool-missing") return unseen(`${tool} is missing (for ${purpose})`, `install package ${name}`);
    return unseen(error.message, "see there");
  }
  return unseen(errno ?? "something unexpected happened", "look yourself", String(error).split("\n", 1).join());
}
