/**
 * Runs boot scripts as iPXE does: https://ipxe.org/scripting, core/exec.c, image/script.c. It knows the commands that
 * boot scripts are made of; any other one is an error of this simulator, not of the script.
 */
import { IPXE_SILENCE_MS } from "./patience.ts";

/** What a script reaches of its machine. */
export interface IpxeMachine {
  /** `platform`, `net0/mac` and the like. */
  readonly settings: Readonly<Record<string, string>>;
  /** Rejects when iPXE's download would fail. */
  fetch(url: string, silenceMs: number): Promise<Buffer>;
  sleep(ms: number): Promise<void>;
  echo(text: string): void;
}

export interface IpxeImage {
  readonly url: string;
  readonly body: Buffer;
  /** Its command line. */
  readonly words: readonly string[];
}

export type IpxeEnd =
  | { readonly kind: "boot"; readonly kernel: IpxeImage; readonly initrds: readonly IpxeImage[] }
  /** `sanboot` of the first disk. */
  | { readonly kind: "disk" }
  | { readonly kind: "reboot" }
  /** `exit`: the firmware goes on with its next boot option. */
  | { readonly kind: "exit"; readonly code: number }
  /** A line failed that had no `||`. */
  | { readonly kind: "failed"; readonly line: string };

/** Resolves when the machine leaves iPXE; `url` is where the script came from. */
export async function runIpxe(script: string, url: string, machine: IpxeMachine): Promise<IpxeEnd> {
  return (await new Shell(machine).run(script, url)) ?? { kind: "exit", code: 0 };
}

/** A command went well, failed, or ends the script. */
type Result = boolean | IpxeEnd;

/** Options that are followed by a value; all others stand alone. */
const VALUED = new Set(["--timeout", "-t", "--name", "-n"]);

class Shell {
  private readonly machine: IpxeMachine;
  private readonly settings: Map<string, string>;
  private readonly commands: ReadonlyMap<string, (words: readonly string[], at: Place) => Result | Promise<Result>>;
  private kernel: IpxeImage | undefined;
  private initrds: IpxeImage[] = [];

  constructor(machine: IpxeMachine) {
    this.machine = machine;
    this.settings = new Map(Object.entries(machine.settings));
    this.commands = new Map<string, (words: readonly string[], at: Place) => Result | Promise<Result>>([
      ["echo", (words) => this.say(words)],
      ["set", ([name = "", ...value]) => this.set(name, value.join(" "))],
      ["inc", ([name = "", by = "1"]) => this.set(name, String(Number(this.valueOf(name)) + Number(by)))],
      ["iseq", ([a, b]) => a === b],
      ["isset", ([value = ""]) => value !== ""],
      ["goto", ([label = ""], at) => at.goto(label)],
      ["sleep", async ([seconds = "0"]) => this.sleep(Number(seconds))],
      ["imgfree", () => this.free()],
      ["kernel", (words, at) => this.load(words, at)],
      ["initrd", (words, at) => this.loadMore(words, at)],
      ["chain", (words, at) => this.chain(words, at)],
      ["boot", () => (this.kernel ? { kind: "boot", kernel: this.kernel, initrds: this.initrds } : false)],
      ["sanboot", () => ({ kind: "disk" })],
      ["reboot", () => ({ kind: "reboot" })],
      ["exit", ([code = "0"]) => ({ kind: "exit", code: Number(code) })],
    ]);
  }

  /** Undefined = the script came to its last line. */
  async run(script: string, url: string): Promise<IpxeEnd | undefined> {
    const lines = script.split("\n").map((line) => line.trim());
    if (lines[0] !== "#!ipxe") return { kind: "failed", line: "no script" };
    const at = new Place(lines, url);
    for (let line = at.next(); line !== undefined; line = at.next()) {
      const result = await this.line(line, at);
      if (result === false) return { kind: "failed", line };
      if (result !== true) return result;
    }
    return undefined;
  }

  /** `||` and `&&` look at the last command that ran; without one there was no failure. */
  private async line(line: string, at: Place): Promise<Result> {
    let isWanted = true;
    let result: Result = true;
    for (const part of line.split(/\s(?=\|\||&&)/)) {
      const [, operator, text = ""] = /^\s*(\|\||&&)?(.*)$/.exec(part) ?? [];
      if (operator !== undefined) isWanted = (operator === "&&") === result;
      if (isWanted) result = await this.command(text, at);
      if (typeof result !== "boolean") break;
    }
    return result;
  }

  private async command(text: string, at: Place): Promise<Result> {
    const [name, ...words] = text
      .trim()
      .split(/\s+/)
      .map((word) => this.expand(word));
    if (name === undefined || name === "") return true;
    const command = this.commands.get(name);
    if (!command) throw new Error(`the simulated iPXE has no command ${name}: add it to lab/simulate/ipxe.ts`);
    return command(words, at);
  }

  /** `${net0/mac:hexhyp}`: a setting, and how it is written. */
  private expand(word: string): string {
    return word.replace(/\$\{([^}:]*)(?::([^}]*))?\}/g, (_all, name: string, type?: string) => {
      const value = this.valueOf(name);
      return type === "hexhyp" ? value.replaceAll(":", "-") : value;
    });
  }

  private valueOf(setting: string): string {
    return this.settings.get(typeless(setting)) ?? "";
  }

  private say(words: readonly string[]): boolean {
    this.machine.echo(words.join(" "));
    return true;
  }

  private set(setting: string, value: string): boolean {
    this.settings.set(typeless(setting), value);
    return true;
  }

  private async sleep(seconds: number): Promise<boolean> {
    await this.machine.sleep(seconds * 1000);
    return true;
  }

  private free(): boolean {
    this.kernel = undefined;
    this.initrds = [];
    return true;
  }

  private async load(words: readonly string[], at: Place): Promise<boolean> {
    this.kernel = await this.fetch(words, at);
    return this.kernel !== undefined;
  }

  private async loadMore(words: readonly string[], at: Place): Promise<boolean> {
    const image = await this.fetch(words, at);
    if (image) this.initrds.push(image);
    return image !== undefined;
  }

  /** A script that comes to its end gives the word back, unless it was to replace the one that called it. */
  private async chain(words: readonly string[], at: Place): Promise<Result> {
    const image = await this.fetch(words, at);
    if (!image) return false;
    const end = await this.run(image.body.toString(), image.url);
    if (words.some((word) => word === "--replace" || word === "-r")) return end ?? { kind: "exit", code: 0 };
    return end?.kind === "exit" ? end.code === 0 : (end ?? true);
  }

  private async fetch(words: readonly string[], at: Place): Promise<IpxeImage | undefined> {
    const { timeout, rest } = readOptions(words);
    const [path = "", ...more] = rest;
    const url = new URL(path, at.url).href;
    try {
      return { url, body: await this.machine.fetch(url, timeout), words: more };
    } catch (error) {
      this.machine.echo(`${url}: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }
}

/** Where in a script iPXE stands. */
class Place {
  readonly url: string;
  private readonly lines: readonly string[];
  private index = 0;

  constructor(lines: readonly string[], url: string) {
    this.lines = lines;
    this.url = url;
  }

  /** The next line that has a command. */
  next(): string | undefined {
    for (this.index += 1; this.index < this.lines.length; this.index += 1) {
      const line = this.lines[this.index] ?? "";
      if (line !== "" && !line.startsWith("#") && !line.startsWith(":")) return line;
    }
    return undefined;
  }

  goto(label: string): boolean {
    const found = this.lines.indexOf(`:${label}`);
    if (found >= 0) this.index = found;
    return found >= 0;
  }
}

function readOptions(words: readonly string[]): { readonly timeout: number; readonly rest: readonly string[] } {
  let timeout = IPXE_SILENCE_MS;
  let index = 0;
  for (let word = words[index]; word?.startsWith("-"); word = words[index]) {
    if (word === "--timeout" || word === "-t") timeout = Number(words[index + 1]);
    index += VALUED.has(word) ? 2 : 1;
  }
  return { timeout, rest: words.slice(index) };
}

function typeless(setting: string): string {
  return setting.replace(/:.*$/, "");
}
