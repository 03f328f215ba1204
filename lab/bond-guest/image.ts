/** Kernel and root file system of the bond guests: parts of Debian's own packages, unpacked, never installed. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { EverbootError, errnoOf } from "../../src/base/errors.ts";
import { type CpioFile, encodeCpio } from "../../src/wire/cpio.ts";
import { addCleanup } from "../cleanup.ts";
import { CACHE_FOLDER, prepareMirror } from "../mirror.ts";

const run = promisify(execFile);
const INIT = join(import.meta.dirname, "init.sh");

export interface BondGuestImage {
  /** Path of a Linux bzImage. */
  readonly kernel: string;
  /** Path of an initramfs, a cpio archive that is not compressed; another one may follow it. */
  readonly initramfs: string;
}

/** What bonds are made with on Debian, busybox for the rest, and their libraries. */
const PACKAGES = [
  ...["base-files", "bash", "busybox", "coreutils", "dash", "debianutils", "ifenslave", "ifupdown", "iproute2"],
  ...["libbpf1", "libbsd0", "libc6", "libcap2", "libelf1", "libmd0", "libmnl0", "libtinfo6", "zlib1g"],
];
const KERNEL_PACKAGE = "linux-image-[0-9]*";

/** What is taken from the packages, as patterns in a tree where `/usr` is `/`. */
const PIECES = [
  "bin/{bash,busybox,dash,ip,printenv,run-parts}",
  "sbin/{ip,ifup,ifdown,ifquery}",
  "lib/os-release",
  "etc/{os-release,debian_version}",
  "etc/network/if-*.d/*",
  "etc/iproute2/*",
  "lib/ifupdown/*",
  "lib/x86_64-linux-gnu/*.so*",
  "lib64/*",
  // virtio's, bonding's, bridge's and 8021q's, with what they depend on
  "lib/modules/*/kernel/**/{virtio,virtio_ring,virtio_pci,virtio_pci_*_dev,virtio_net,failover,net_failover}.ko*",
  "lib/modules/*/kernel/**/{bonding,tls,bridge,stp,llc,8021q,garp,mrp}.ko*",
];

/**
 * Resolves with an image made from the lab's mirror of Debian packages; both are made when the cache has none that fits
 * (some seconds, and what `prepareMirror` takes). Rejects as that does.
 */
export async function prepareBondGuest(tell: (line: string) => void = () => undefined): Promise<BondGuestImage> {
  const mirror = await prepareMirror({ tell });
  const folder = join(CACHE_FOLDER, `bond-guest-${keyOf(mirror.folder)}`);
  if (!existsSync(folder)) await make(folder, join(mirror.folder, "pool/deb"));
  return { kernel: join(folder, "vmlinuz"), initramfs: join(folder, "initramfs.cpio") };
}

/** Equal keys mean equal images: the mirror's folder names its contents. */
function keyOf(mirrorFolder: string): string {
  const hash = createHash("sha256").update(basename(mirrorFolder));
  for (const file of [import.meta.filename, INIT]) hash.update(readFileSync(file));
  return hash.digest("hex").slice(0, 12);
}

/** Made beside its place and moved there when complete, so that a half-made one is never taken for a whole one. */
async function make(folder: string, pool: string): Promise<void> {
  const partial = `${folder}.${process.pid}`;
  const remove = () => rmSync(partial, { recursive: true, force: true });
  const forget = addCleanup(remove);
  const root = join(partial, "root");
  mkdirSync(root, { recursive: true });
  try {
    for (const name of [...PACKAGES, KERNEL_PACKAGE]) await run("dpkg-deb", ["-x", packageFile(pool, name), root]);
    copyFileSync(oneOf(globSync(`${root}/boot/vmlinuz-*`), "kernel"), join(partial, "vmlinuz"));
    writeFileSync(join(partial, "initramfs.cpio"), encodeCpio([...piecesOf(root), initOf()]));
    rmSync(root, { recursive: true });
    renameSync(partial, folder);
  } catch (error) {
    // another process was quicker: its image is as good
    if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
  } finally {
    remove();
    forget();
  }
}

function packageFile(pool: string, name: string): string {
  return oneOf(globSync(`${pool}/${name}_*.deb`), `package ${name}`);
}

function oneOf(found: readonly string[], what: string): string {
  const [first] = found;
  if (first === undefined) throw new EverbootError("lab-broken", { reason: `the package mirror has no ${what}` });
  return first;
}

/** Where a file lies in the guest: its `/usr` is a link to `/`, so both names find it, in every release. */
export function placeInGuest(path: string): string {
  return path.replace(/^usr\//, "");
}

/** Without links, which our archives do not have: in place of one there is what it leads to. */
function piecesOf(root: string): CpioFile[] {
  const places = ["", "usr/"].flatMap((prefix) => PIECES.map((piece) => `${prefix}${piece}`));
  const found = globSync(places, { cwd: root }).map((path) => ({ path, file: behindLinks(root, path) }));
  return found
    .filter(({ file }) => statSync(file).isFile())
    .map(({ path, file }) => ({
      ...{ path: placeInGuest(path), mode: statSync(file).mode & 0o777 },
      content: readFileSync(file),
    }));
}

/** Absolute links of the packages mean a file of theirs, not of this computer. */
function behindLinks(root: string, path: string): string {
  const file = join(root, path);
  if (!lstatSync(file).isSymbolicLink()) return file;
  const target = readlinkSync(file);
  return behindLinks(root, target.startsWith("/") ? target : join(dirname(path), target));
}

function initOf(): CpioFile {
  return { path: "init", mode: 0o755, content: readFileSync(INIT) };
}
