/** The control channel of a QEMU machine (QEMU Machine Protocol: one JSON object a line). */
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";

/** Names of QMP events, e.g. `RESET`, `SHUTDOWN`, `POWERDOWN`. */
export type QmpListener = (event: string) => void;

export interface Qmp {
  /** Runs a command of the human monitor (`set_link nic0 off`) and resolves with what it prints. */
  human(command: string): Promise<string>;
}

interface Answer {
  readonly event?: string;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Answers come in the order of the commands, so a queue is enough to match them. */
export function openQmp(socket: Duplex, onEvent: QmpListener): Qmp {
  const queue: Waiting[] = [];
  const failAll = () => {
    for (const waiting of queue.splice(0)) waiting.reject(new Error("the machine has ended"));
  };
  const execute = (command: string, argumentsOf: object = {}) =>
    new Promise<unknown>((resolve, reject) => {
      if (!socket.writable) return reject(new Error("the machine has ended"));
      queue.push({ resolve, reject });
      socket.write(`${JSON.stringify({ execute: command, arguments: argumentsOf })}\n`);
    });
  const onLine = (line: string) => {
    const answer = JSON.parse(line) as Answer;
    if (answer.event !== undefined) return onEvent(answer.event);
    if (answer.error) queue.shift()?.reject(new Error(answer.error.desc));
    else if ("return" in answer) queue.shift()?.resolve(answer.return);
  };
  socket.once("close", failAll).on("error", failAll);
  // readline passes the socket's errors on; `failAll` has dealt with them
  createInterface({ input: socket })
    .on("line", onLine)
    .on("error", () => undefined);
  execute("qmp_capabilities").catch(() => undefined);
  return {
    human: async (command) => String(await execute("human-monitor-command", { "command-line": command })),
  };
}
