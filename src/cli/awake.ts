/** Node ends a process when nothing is open any more, and timers of `systemClock` do not count. */

/** The longest delay that a timer takes (2^31 - 1 ms). */
const LONGEST_MS = 0x7fff_ffff;

/** Keeps the process until `run` is over: servers that restart have no socket open, nor have those who wait for them. */
export async function whileAwake<T>(run: () => Promise<T>): Promise<T> {
  const awake = setInterval(() => undefined, LONGEST_MS);
  try {
    return await run();
  } finally {
    clearInterval(awake);
  }
}
