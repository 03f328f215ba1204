/** Runs commands over a guest's serial console; `init.sh` is the other side. */
import type { Duplex } from "node:stream";

export interface CommandResult {
  readonly status: number;
  /** Both outputs, as they came. */
  readonly output: string;
}

const END = /^@done (\d+)\n/m;

export class SerialShell {
  private readonly port: Duplex;
  private text = "";
  /** Looks whether what is waited for has come. */
  private look: () => void = () => undefined;
  /** Commands wait for one another: the console is one stream. */
  private turn: Promise<CommandResult>;

  /** Listens at once: what the guest prints while it boots ends like a command's output. */
  constructor(port: Duplex) {
    this.port = port;
    port.setEncoding("utf8").on("data", (chunk: string) => {
      this.text += chunk.replaceAll("\r", "");
      this.look();
    });
    // a guest that is killed resets its sockets; `close` follows
    port.on("error", () => undefined).on("close", () => this.look());
    this.turn = this.take();
    this.turn.catch(() => undefined);
  }

  /** Resolves when the guest takes commands; rejects when it ends before. */
  async ready(): Promise<void> {
    await this.turn;
  }

  /** Runs one line of shell, at most 4095 bytes. Rejects when the guest ends meanwhile. */
  run(command: string): Promise<CommandResult> {
    this.turn = this.turn.then(() => {
      this.port.write(`${command}\n`);
      return this.take();
    });
    return this.turn;
  }

  private take(): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      this.look = () => {
        const end = END.exec(this.text);
        if (end) {
          const output = this.text.slice(0, end.index);
          this.text = this.text.slice(end.index + end[0].length);
          resolve({ status: Number(end[1]), output });
        } else if (this.port.destroyed) {
          reject(new Error(`the guest has ended: ${this.text.slice(-500)}`));
        }
      };
      this.look();
    });
  }
}
