/** The one place that uses koffi: functions of the C library, as functions. */

export type NativeCall = (...args: ReadonlyArray<number | string | Uint8Array>) => number;

/**
 * Gives a function by its name and C signature; a negative result is thrown as an Error with `code` set to the errno's
 * name, as Node's own errors have it. Rejects where koffi is not installed or has no build for this machine.
 */
export async function loadLibc(): Promise<(name: string, signature: string) => NativeCall> {
  const { default: koffi } = await import("koffi");
  // Symbols of the running program: they are there with glibc and musl alike.
  const libc = koffi.load(null);
  const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
  return (name, signature) => {
    const call = libc.func(signature);
    return (...args) => {
      const result = Number(call(...args));
      if (result >= 0) return result;
      const code = names.get(koffi.errno()) ?? `errno ${koffi.errno()}`;
      throw Object.assign(new Error(`${name}: ${code}`), { code });
    };
  };
}

/**
 * As loadLibc, for calls that fail in the ordinary course, a full socket's for example: a failure is given as its errno
 * below zero, and nothing is thrown.
 */
export async function loadLibcQuiet(): Promise<(signature: string) => NativeCall> {
  const { default: koffi } = await import("koffi");
  const libc = koffi.load(null);
  return (signature) => {
    const call = libc.func(signature);
    return (...args) => {
      const result = Number(call(...args));
      return result >= 0 ? result : -koffi.errno();
    };
  };
}

/** Gives where bytes lie in memory, for structures that point to others: it holds while the bytes are in use. */
export async function loadAddressOf(): Promise<(bytes: Uint8Array) => bigint> {
  const { default: koffi } = await import("koffi");
  return (bytes) => koffi.address(bytes);
}
