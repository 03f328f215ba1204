/** Listening on addresses that are not here yet: the listener is up before a floating address comes. */
import { readFileSync, writeFileSync } from "node:fs";
import { EverbootError, errnoOf } from "../base/errors.ts";

/** Of the network namespace that this process is in (Linux Documentation/networking/ip-sysctl.rst). */
const SETTING = "/proc/sys/net/ipv4/ip_nonlocal_bind";

/** Switches it on where it is off; stays on, as other daemons of this machine may rely on it by then. */
export function allowNonlocalBind(path: string = SETTING): void {
  try {
    if (readFileSync(path, "utf8").trim() === "1") return;
    writeFileSync(path, "1\n");
  } catch (error) {
    throw new EverbootError("nonlocal-bind-denied", { reason: errnoOf(error) ?? "unknown reason" }, error);
  }
}
