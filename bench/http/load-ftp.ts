/** The same load by FTP (LoadTask, LoadResult): each client logs in once, and opens a passive data connection for each file. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { createInterface, type Interface } from "node:readline";
import type { LoadResult } from "../rig/types.ts";
import type { LoadTask } from "./load.ts";

class Control {
  private readonly socket: Socket;
  private readonly lines: AsyncIterator<string>;

  private constructor(socket: Socket, lines: Interface) {
    this.socket = socket;
    this.lines = lines[Symbol.asyncIterator]();
  }

  static async login(address: string, port: number): Promise<Control> {
    const socket = connect(port, address);
    await once(socket, "connect");
    socket.setNoDelay();
    const control = new Control(socket, createInterface({ input: socket }));
    await control.expect("220");
    await control.ask("USER anonymous", "331");
    await control.ask("PASS bench", "230");
    await control.ask("TYPE I", "200");
    return control;
  }

  /** The last line of the answer, which must begin so. */
  async ask(command: string, code: string): Promise<string> {
    this.socket.write(`${command}\r\n`);
    return this.expect(code);
  }

  async expect(code: string): Promise<string> {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error("the server has closed the connection");
      if (/^\d{3} /.test(value) && value.startsWith(code)) return value;
      if (/^\d{3} /.test(value)) throw new Error(value);
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

const BUFFER = Buffer.alloc(1 << 20);

async function fetchFile(control: Control, address: string, path: string, came: (bytes: number) => void) {
  const answer = await control.ask("PASV", "227");
  const [high = 0, low = 0] = (/(\d+),(\d+)\)/.exec(answer) ?? []).slice(1).map(Number);
  // Bodies go into one buffer, over and over.
  const callback = (bytes: number) => {
    came(bytes);
    return true;
  };
  const onread = { buffer: BUFFER, callback };
  const data = connect({ port: high * 256 + low, host: address, onread });
  const closed = once(data, "close");
  await control.ask(`RETR ${path}`, "150");
  await closed;
  await control.expect("226");
}

async function run(task: LoadTask): Promise<LoadResult> {
  const { address, port, prefix, files, clients, seconds, count } = task;
  const controls: Control[] = [];
  for (let number = 0; number < clients; number += 1) controls.push(await Control.login(address, port));
  const started = performance.now();
  const end = started + seconds * 1000;
  let [units, failed, ended] = [0, 0, started];
  const latencies: number[] = [];
  const client = async (control: Control, first: number) => {
    for (let done = 0; performance.now() < end; done += 1) {
      const file = files[(first + done) % files.length];
      let bytes = 0;
      const asked = performance.now();
      await fetchFile(control, address, `${prefix}${file?.path}`, (some) => {
        bytes += some;
        if (count === "bytes" && performance.now() < end) units += some;
      });
      if (bytes !== file?.size) failed += 1;
      if (count === "requests" && performance.now() < end) units += 1;
      latencies.push(performance.now() - asked);
    }
  };
  const all = Promise.all(controls.map((each, at) => client(each, Math.floor((at * files.length) / clients))));
  // What is under way when the time is over has counted so far, and is broken off.
  await Promise.race([all, until(end)]);
  ended = Math.min(performance.now(), end);
  for (const control of controls) control.close();
  return { units, seconds: (ended - started) / 1000, latencies, failed };
}

function until(end: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, end - performance.now()));
}

if (import.meta.main) {
  const result = await run(JSON.parse(readFileSync(0, "utf8")) as LoadTask);
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}
