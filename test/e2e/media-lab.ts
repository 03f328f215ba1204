/** Install media in the layout of each family's, with their lists of hashes, as folders and as ISO files. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Tree } from "../../src/site/model.ts";
import { type SigningKey, tempFolder } from "./mirror-lab.ts";

/** Why ISO files cannot be made and read here, for `test({ skip })`. */
export function isoObstacle(): string | undefined {
  const missing = [
    ["xorriso", "xorriso"],
    ["bsdtar", "libarchive-tools"],
  ].filter(([tool = ""]) => spawnSync(tool, ["--version"]).error !== undefined);
  return missing.length === 0 ? undefined : `needs packages: ${missing.map(([, name]) => name).join(" ")}`;
}

/** A medium that is being made: its files by path. */
export type Medium = Map<string, string | Buffer>;

export interface MediumKind {
  readonly tree: Omit<Tree, "path">;
  /** `build` makes two media of one kind differ. */
  make(build: string): Medium;
  /** A file that a list on the medium names. */
  readonly listed: string;
  /** The list. */
  readonly list: string;
}

function hashOf(content: string | Buffer, algorithm: string): string {
  return createHash(algorithm).update(content).digest("hex");
}

/** As md5sum(1) and sha256sum(1) write it. */
function sumsOf(medium: Medium, algorithm: string, prefix = ""): string {
  return [...medium].map(([path, content]) => `${hashOf(content, algorithm)}  ${prefix}${path}\n`).join("");
}

/** More than one read of the hashing. */
function bulk(build: string): Buffer {
  return Buffer.alloc(3 << 20, `package of ${build} `);
}

function rocky(build: string): Medium {
  const medium: Medium = new Map<string, string | Buffer>([
    ["images/install.img", bulk(build)],
    ["images/pxeboot/initrd.img", `initrd ${build}`],
    ["images/pxeboot/vmlinuz", `kernel ${build}`],
  ]);
  const sums = [...medium].map(([path, content]) => `${path} = sha256:${hashOf(content, "sha256")}\n`).join("");
  const absent = `images/boot.iso = sha256:${"0".repeat(64)}\n`;
  const general = "arch = x86_64\nfamily = Rocky Linux\nversion = 9.6\n";
  medium.set(".treeinfo", `[checksums]\n${absent}${sums}\n[general]\n${general}\n[release]\nname = Rocky Linux\n`);
  medium.set("BaseOS/Packages/b/bash-5.1.8-9.el9.x86_64.rpm", `bash ${build}`);
  medium.set("BaseOS/repodata/repomd.xml", "<repomd/>");
  return medium;
}

function leap(build: string): Medium {
  const medium: Medium = new Map<string, string | Buffer>([
    ["boot/x86_64/loader/initrd", bulk(build)],
    ["boot/x86_64/loader/linux", `kernel ${build}`],
    ["boot/x86_64/root", `stage 2 ${build}`],
    ["media.1/media", `openSUSE - openSUSE-Leap-15.6-x86_64-Build${build}-Media\n`],
    ["media.1/products", "/ openSUSE-Leap 15.6-1\n"],
  ]);
  medium.set("CHECKSUMS", sumsOf(medium, "sha256"));
  // The boot info table goes into it while the ISO file is written, so no list has its hash.
  medium.set("boot/x86_64/loader/isolinux.bin", "patched");
  medium.set("repodata/repomd.xml", "<repomd/>");
  medium.set("x86_64/bash-5.2.x86_64.rpm", `bash ${build}`);
  return medium;
}

function agama(build: string): Medium {
  const medium: Medium = new Map<string, string | Buffer>([
    ["LiveOS/squashfs.img", `stage 2 ${build}`],
    ["boot/grub2/grub.cfg", 'menuentry "Install SUSE SLE 16 (x86_64)" --class os --unrestricted {\n}\n'],
    ["boot/x86_64/loader/initrd", bulk(build)],
    ["boot/x86_64/loader/linux", `kernel ${build}`],
  ]);
  medium.set("CHECKSUMS", sumsOf(medium, "sha256"));
  return medium;
}

function debianMedium(build: string): Medium {
  const path = "pool/main/a/apt/apt_2.6.1_amd64.deb";
  const content = bulk(build);
  const fields = [`Filename: ${path}`, `Size: ${content.length}`, `SHA256: ${hashOf(content, "sha256")}`];
  const packages = gzipSync(`Package: apt\n${fields.join("\n")}\n`);
  const index = "main/binary-amd64/Packages.gz";
  const sums = ` ${hashOf(packages, "sha256")} ${packages.length} ${index}\n`;
  const about = "Origin: Debian\nSuite: stable\nCodename: bookworm\nArchitectures: amd64\nComponents: main\n";
  const medium: Medium = new Map<string, string | Buffer>([
    [".disk/info", 'Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 DVD Binary-1 20240210-11:28'],
    ["dists/bookworm/Release", `${about}Version: 12.5\nSHA256:\n${sums}`],
    [`dists/bookworm/${index}`, packages],
    ["install.amd/vmlinuz", `kernel ${build}`],
    [path, content],
    ["pool/main/b/bash/bash_5.2_amd64.deb", `in no index ${build}`],
  ]);
  medium.set("md5sum.txt", sumsOf(medium, "md5", "./"));
  return medium;
}

function ubuntuMedium(build: string): Medium {
  const medium: Medium = new Map<string, string | Buffer>([
    [".disk/info", 'Ubuntu-Server 24.04.2 LTS "Noble Numbat" - Release amd64 (20250216.1)'],
    ["casper/initrd", bulk(build)],
    ["casper/vmlinuz", `kernel ${build}`],
    ["dists/noble/Release", "Origin: Ubuntu\nCodename: noble\n"],
  ]);
  medium.set("md5sum.txt", sumsOf(medium, "md5", "./"));
  return medium;
}

export const MEDIA: readonly MediumKind[] = [
  {
    tree: { name: "rocky-9", family: "redhat", release: "9", arch: "amd64" },
    make: rocky,
    listed: "images/install.img",
    list: ".treeinfo",
  },
  {
    tree: { name: "leap", family: "suse", release: "15.6", arch: "amd64" },
    make: leap,
    listed: "boot/x86_64/loader/initrd",
    list: "CHECKSUMS",
  },
  {
    tree: { name: "sles-16", family: "agama", release: "16.0", arch: "amd64" },
    make: agama,
    listed: "boot/x86_64/loader/initrd",
    list: "CHECKSUMS",
  },
  {
    tree: { name: "debian-12", family: "debian", release: "bookworm", arch: "amd64" },
    make: debianMedium,
    listed: "pool/main/a/apt/apt_2.6.1_amd64.deb",
    list: "md5sum.txt",
  },
  {
    tree: { name: "noble", family: "ubuntu", release: "24.04", arch: "amd64" },
    make: ubuntuMedium,
    listed: "casper/initrd",
    list: "md5sum.txt",
  },
];

/** One bit less or more in the middle of a file. */
export function flipped(content: string | Buffer | undefined): Buffer {
  const bytes = Buffer.from(content ?? "");
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  return bytes;
}

export async function layOut(medium: Medium, folder: string): Promise<void> {
  for (const [path, content] of medium) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** Makes `iso` of the medium, with Rock Ridge and Joliet names, as the distributions do. */
export async function makeIso(medium: Medium, iso: string): Promise<string> {
  const folder = await tempFolder();
  try {
    await layOut(medium, folder);
    const args = ["-as", "mkisofs", "-quiet", "-R", "-J", "-V", "MEDIUM", "-o", iso, folder];
    execFileSync("xorriso", args, { stdio: "ignore", env: { ...process.env, LC_ALL: "C.UTF-8" } });
    return iso;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The detached signature of `content`, armored. */
export async function signatureOf(key: SigningKey, content: string | Buffer): Promise<string> {
  const folder = await tempFolder();
  try {
    await writeFile(join(folder, "Release"), content);
    await key.sign(folder);
    return await readFile(join(folder, "Release.gpg"), "utf8");
  } finally {
    await rm(folder, { recursive: true });
  }
}
