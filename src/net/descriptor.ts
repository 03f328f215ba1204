/** The file descriptor of a socket, which Node has and tells nobody in its documentation (Node 24, 26). */
import type { Socket } from "node:net";

/** Of a closed socket, and where Node has no such thing. */
const NONE = -1;

interface Handle {
  readonly fd?: number;
}

/**
 * To be used at once: after the next turn of the loop it may be closed, and its number another file's. -1 = closed.
 */
export function socketDescriptor(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle?: Handle | null };
  return handle?.fd ?? NONE;
}

export function hasDescriptor(socket: Socket): boolean {
  return !socket.destroyed && socketDescriptor(socket) >= 0;
}
