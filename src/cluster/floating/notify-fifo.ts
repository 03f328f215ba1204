/** What keepalived tells of its instances, through the FIFO of `vrrp_notify_fifo`. */
import { execFile } from "node:child_process";
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { type Ipv4, parseIpv4 } from "../../base/address.ts";

/** `fault`: not able, or told not to; also when keepalived does not run. */
export type FloatingState = "master" | "backup" | "fault";

export interface FloatingEvent {
  readonly address: Ipv4;
  readonly state: FloatingState;
}

const LINE = /^INSTANCE "([^"]+)" (\w+)/;

/** keepalived's words for states. It tells of more than states, as `MASTER_RX_LOWER_PRI` of a rival's advert. */
const STATES: Readonly<Record<string, FloatingState>> = {
  MASTER: "master",
  BACKUP: "backup",
  FAULT: "fault",
  STOP: "fault",
};

/** Undefined for lines about something else. */
export function parseNotifyLine(line: string): FloatingEvent | undefined {
  const [, name = "", word = ""] = LINE.exec(line) ?? [];
  const address = parseIpv4(name);
  const state = STATES[word];
  return address && state && { address, state };
}

/** Makes the FIFO anew and reads it until the returned function is called. */
export async function readNotifyFifo(path: string, tell: (event: FloatingEvent) => void): Promise<() => void> {
  rmSync(path, { force: true });
  await promisify(execFile)("mkfifo", ["-m", "600", path]);
  // Open for writing too: it then has a writer at all times, and never ends.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  let socket: Socket;
  try {
    socket = new Socket({ fd, readable: true, writable: false });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  createInterface({ input: socket }).on("line", (line) => {
    const event = parseNotifyLine(line);
    if (event) tell(event);
  });
  return () => socket.destroy();
}
