/** The one switch of room net: does this process keep to what Node itself can do? */

/** `EVERBOOT_PLAIN=1` in the environment: no call into the C library where there is a way without. */
export function isPlainPath(): boolean {
  return process.env.EVERBOOT_PLAIN === "1";
}
