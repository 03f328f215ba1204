/** The error table's form of a failed `bind` or `listen`. */
import { EverbootError, errnoOf } from "../base/errors.ts";

/** `where` is an address or a device. Other errors come back as they are. */
export function listenError(error: unknown, protocol: string, where: string, port: number): unknown {
  const details = { protocol, port, where };
  switch (errnoOf(error)) {
    case "EADDRINUSE":
      return new EverbootError("port-in-use", details, error);
    case "EACCES":
    case "EPERM":
      return new EverbootError("port-denied", details, error);
    default:
      return error;
  }
}
