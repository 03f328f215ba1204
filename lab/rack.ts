/** A rack on this computer: a namespace with a bridge, an install server in it, and a tree to install from. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { EverbootError } from "../src/base/errors.ts";
import { askDaemon } from "../src/cli/daemon-client.ts";
import { statePaths } from "../src/cluster/state-folder.ts";
import type { HostStatus } from "../src/cluster/trace.ts";
import { addCleanup } from "./cleanup.ts";
import { DaemonProcess, EVERBOOT } from "./daemon-process.ts";
import { type MirrorOptions, prepareMirror } from "./mirror.ts";
import { Namespace } from "./netns.ts";
import { RACK_BRIDGE, RACK_HOSTS, RACK_SERVER, RACK_TREE, type RackHost, rackSite } from "./rack-site.ts";

const run = promisify(execFile);

export interface RackOptions {
  /** At most 8 characters: names the namespace. */
  readonly name: string;
  /** Default: `RACK_HOSTS`. */
  readonly hosts?: readonly RackHost[];
  /** Default: Debian, as the netboot image and the lab's mirror have it. */
  readonly tree?: TreeSource;
  /** Gets a line for each step that takes a while. */
  readonly tell?: (line: string) => void;
}

/** What a rack's machines are installed from. */
export interface TreeSource {
  readonly release: string;
  /** Absolute path, where the tree has a keyring of its own. */
  readonly keyring?: string;
  /** URL of the archive that its packages come from; without one `fill` brings them. */
  readonly upstream?: string;
  /** Fills the tree's folder, by itself or with `everboot import FOLDER`. */
  fill(folder: string, importFolder: (folder: string) => Promise<void>): Promise<void>;
}

/** The real thing; the mirror is made first where the cache has none. */
export async function debianTree(options: MirrorOptions = {}): Promise<TreeSource> {
  const { image, folder, keyring } = await prepareMirror(options);
  return {
    release: image.release,
    keyring,
    fill: async (_tree, importFolder) => {
      for (const source of [image.folder, folder]) await importFolder(source);
    },
  };
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What an installation needs of a rack, however many servers it has. */
export interface InstallRack {
  /** Where machines are plugged in, and the bridge in it. */
  readonly space: Namespace;
  readonly bridge: string;
  readonly hosts: readonly RackHost[];
  /** Holds all that the rack writes: site file, tree, state, disks, logs. Removed by `close`. */
  readonly folder: string;
  /** What `everboot status HOST --json` prints, asked over the control socket; rejects while no daemon is there. */
  status(host: string): Promise<HostStatus & { readonly now: number }>;
  /** Issues a permit as `everboot install HOST --replace`. */
  install(host: string): Promise<void>;
  /** Ends everything in the rack and removes it. */
  close(): Promise<void>;
}

/** With one server. */
export interface Rack extends InstallRack {
  /** The tree's folder. */
  readonly tree: string;
  readonly siteFile: string;
  readonly state: string;
  readonly daemon: DaemonProcess;
  /** Runs `everboot ARGS` in the namespace, whatever its exit code. */
  everboot(...args: readonly string[]): Promise<CommandResult>;
}

/** Resolves when the server is up and the tree imported. Leaves nothing behind when it rejects. */
export async function openRack(options: RackOptions): Promise<Rack> {
  const source = options.tree ?? (await debianTree(options));
  const folder = mkdtempSync(join(tmpdir(), `everboot-${options.name}-`));
  const forget = addCleanup(() => rmSync(folder, { recursive: true, force: true }));
  const hosts = options.hosts ?? RACK_HOSTS;
  const siteFile = join(folder, "site.yaml");
  const tree = join(folder, "tree");
  writeFileSync(siteFile, rackSite({ ...source, path: tree }, hosts));
  const state = join(folder, "state");
  mkdirSync(state);
  const space = await Namespace.create(options.name);
  const close = async () => {
    await space.remove();
    rmSync(folder, { recursive: true, force: true });
    forget();
  };
  const daemon = new DaemonProcess({ space, siteFile, state, logDirectory: folder });
  const rack = {
    ...commands({ space, state }),
    space,
    bridge: RACK_BRIDGE,
    hosts,
    folder,
    tree,
    siteFile,
    state,
    daemon,
  };
  try {
    await space.bridge(RACK_BRIDGE, `${RACK_SERVER}/24`);
    options.tell?.("importing the tree");
    await source.fill(tree, (from) => importFolder(from, RACK_TREE, siteFile));
    await daemon.start();
  } catch (error) {
    await close();
    throw error;
  }
  return { ...rack, close };
}

function commands({ space, state }: Pick<Rack, "space" | "state">): Pick<Rack, "everboot" | "status" | "install"> {
  const { socket } = statePaths(state);
  const hostPath = (host: string) => `/api/v1/hosts/${encodeURIComponent(host)}`;
  return {
    everboot: (...args) => runProgram("ip", ["netns", "exec", space.name, process.execPath, EVERBOOT, ...args]),
    status: async (host) => (await askDaemon(socket, "GET", hostPath(host))) as Awaited<ReturnType<Rack["status"]>>,
    install: async (host) => {
      await askDaemon(socket, "POST", `${hostPath(host)}/permit`, { replace: true });
    },
  };
}

/** `everboot import`; rejects with `lab-broken` when it fails. */
export async function importFolder(from: string, tree: string, siteFile: string): Promise<void> {
  const { code, stderr } = await runProgram(process.execPath, [EVERBOOT, "import", from, "--as", tree, "-c", siteFile]);
  if (code !== 0)
    throw new EverbootError("lab-broken", { reason: stderr.trim().split("\n").at(-1) ?? "import failed" });
}

async function runProgram(program: string, args: readonly string[]): Promise<CommandResult> {
  try {
    return { code: 0, ...(await run(program, args, { maxBuffer: 64 << 20 })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== "number") throw error;
    return { code, stdout: stdout ?? "", stderr: stderr ?? "" };
  }
}
