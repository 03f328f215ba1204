import { spawn } from "node:child_process";
import process from "node:process";
import { EverbootError } from "../base/errors.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";

const USAGE = `everboot demo [--servers N] [--kill MOMENT] [--uefi] [--full] [--simulate]
  A rack on this computer: install servers with networks of their own, and a virtual machine that is installed by them. The
  server that serves it is killed on the way, with all that runs on it; another one takes over, and the machine goes on.
  As root on Debian or Ubuntu it installs what it needs (QEMU among it); else its machine is simulated. Ctrl-C leaves nothing behind.
  --servers N    2 to 9 servers; default 2
  --kill MOMENT  initrd: while the machine loads it (default); random: at any moment
  --uefi         a machine with UEFI firmware in place of a BIOS
  --full         to the end of the installation even where the machine is emulated, which takes some thirty minutes
  --simulate     no virtual machine: a program asks the servers as firmware, iPXE and installer would, in seconds`;

/** The lab comes with a clone and with the npm package; it is loaded by the demo alone. */
export const demoCommand: Command = {
  name: "demo",
  summary: "see it work: a machine is installed, on this computer",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, {
      servers: { type: "string", default: "2" },
      kill: { type: "string", default: "initrd" },
      uefi: { type: "boolean" },
      full: { type: "boolean" },
      simulate: { type: "boolean" },
    });
    wantPositionals(positionals, 0, 0, USAGE);
    const servers = numberOfServers(values.servers);
    const kill = momentOf(values.kill);
    if (process.getuid?.() !== 0) return asOwnRoot(io, ["--servers", String(servers), "--kill", kill]);
    const { runDemo } = await import("../../lab/demo.ts");
    const screen = demoScreen(io);
    return runDemo({
      ...screen,
      signal: io.signal,
      servers,
      kill,
      firmware: values.uefi ? "uefi" : "bios",
      full: values.full === true,
      simulate: values.simulate === true,
    });
  },
};

function numberOfServers(text: string): number {
  if (/^[2-9]$/.test(text)) return Number(text);
  throw new EverbootError("usage", { what: `--servers ${text}: give a number from 2 to 9` });
}

function momentOf(text: string): "initrd" | "random" {
  if (text === "initrd" || text === "random") return text;
  throw new EverbootError("usage", { what: `--kill ${text}: give initrd or random` });
}

/**
 * Anybody may make networks inside a user namespace (user_namespaces(7)), where nothing can be installed: the machine
 * is simulated. `/run` is covered, as `ip netns` keeps its names there.
 */
function asOwnRoot(io: Io, options: readonly string[]): Promise<number> {
  io.out(
    "Not root: the demo runs in a user namespace, if that is allowed here, with a simulated machine. As root it shows a real one.",
  );
  const enter = [
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs tmpfs /run && exec "$@"',
    "sh",
  ];
  const self = [process.execPath, ...process.execArgv, process.argv[1] ?? "", "demo", "--simulate", ...options];
  const child = spawn("unshare", [...enter, ...self], { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new EverbootError("usage", { what: "demo: run it as root" }, error)));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** Lines above, and on a terminal one live line below them. */
function demoScreen(io: Io) {
  let shown = false;
  const clear = () => {
    if (shown) io.write("\r\x1b[K");
    shown = false;
  };
  return {
    out: (line: string) => {
      clear();
      io.out(line);
    },
    ...(io.terminal && {
      live: (line: string) => {
        clear();
        io.write(line.slice(0, io.columns - 1));
        shown = true;
      },
    }),
  };
}
