/** A serial cable on this computer: two pseudo terminals, joined by a small program of Python's, which Node cannot open. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** What it reads on its own input is noise, which it puts on the line towards the second end. */
const PROGRAM = `
import os, pty, select, tty
ends = [pty.openpty(), pty.openpty()]
for _, device in ends: tty.setraw(device)
print(*[os.ttyname(device) for _, device in ends], flush=True)
first, second = ends[0][0], ends[1][0]
while True:
    for ready in select.select([0, first, second], [], [])[0]:
        data = os.read(ready, 4096)
        if not data: raise SystemExit
        os.write(first if ready == second else second, data)
`;

export function cableObstacle(): string | undefined {
  const { status } = spawnSync("python3", ["-c", "import pty"]);
  return status === 0 ? undefined : "needs python3 for pseudo terminals";
}

export class SerialCable {
  /** Paths of the devices at its ends. */
  readonly ends: readonly [string, string];
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, ends: readonly [string, string]) {
    this.child = child;
    this.ends = ends;
  }

  static async open(): Promise<SerialCable> {
    const child = spawn("python3", ["-c", PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = await once(createInterface(child.stdout), "line");
    const [first = "", second = ""] = String(line).split(" ");
    return new SerialCable(child, [first, second]);
  }

  noise(bytes: Uint8Array): void {
    this.child.stdin?.write(bytes);
  }

  /** Its devices are gone then, as of an adapter that is pulled out. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.stdin?.end();
    await ended;
  }
}
