/** What SUSE's media say of themselves, for the families that install from them. */
import type { DetectedTree, TreeFiles } from "./family.ts";

/** SUSE's (and the kernel's) names of architectures, and Debian's. */
const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ["x86_64", "amd64"],
  ["aarch64", "arm64"],
  ["i386", "i386"],
  ["i586", "i386"],
  ["ppc64le", "ppc64el"],
  ["ppc64", "ppc64"],
  ["s390x", "s390x"],
  ["ia64", "ia64"],
]);

/** Folder of `boot/` for an architecture in Debian's names. */
export function bootArch(arch: string): string {
  return [...ARCHITECTURES].find(([, debian]) => debian === arch)?.[0] ?? arch;
}

/** In Debian's names; undefined when there is nothing to boot. */
export function treeArch(files: TreeFiles): string | undefined {
  return files.names("boot").flatMap((name) => ARCHITECTURES.get(name) ?? [])[0];
}

/** Kernel and initrd: in `loader/` for PCs, beside it for all others, whose loaders find them there. */
export function bootFiles(arch: string): ReadonlyArray<{ readonly kernel: string; readonly initrd: string }> {
  const folder = `boot/${bootArch(arch)}`;
  return [`${folder}/loader/`, `${folder}/`].map((path) => ({ kernel: `${path}linux`, initrd: `${path}initrd` }));
}

/** A medium of YaST: `media.1/products` (SLE 15, Leap 15), or the older `content`. */
export function detectSuse(files: TreeFiles): DetectedTree | undefined {
  const arch = treeArch(files);
  if (arch === undefined || files.has("LiveOS/squashfs.img")) return undefined;
  const found = fromMedia(files) ?? fromContent(files.text("content") ?? "");
  return found && { ...found, arch };
}

type Named = Pick<DetectedTree, "release" | "product">;

/**
 * Lines of `media.1/products`: folder, product, version: `/ openSUSE-Leap 15.6-1`, or `/Product-SLES SLES15-SP6 15.6-0`
 * among others. A medium without packages has `media.1/media`: `SLE-15-SP6-Online-x86_64-Build47.1-Media` in it.
 */
function fromMedia(files: TreeFiles): Named | undefined {
  const lines = (files.text("media.1/products") ?? "").split("\n");
  const line = lines.find((text) => text.startsWith("/Product-SLES ")) ?? lines.find((text) => text.startsWith("/ "));
  const [, name, version] = /^\S+ (.+) (15(?:\.\d+)?)(?:-\S*)?$/.exec(line ?? "") ?? [];
  if (name !== undefined && version !== undefined) return named(name, version);
  const [, pack] = /\bSLE-15(?:-SP(\d+))?-/.exec(files.text("media.1/media") ?? "") ?? [];
  return /\bSLE-15\b/.test(files.text("media.1/media") ?? "") ? named("SLES", `15.${pack ?? 0}`) : undefined;
}

function named(name: string, version: string): Named {
  if (/leap/i.test(name)) return { release: version, product: `openSUSE Leap ${version}` };
  const [major, pack = "0"] = version.split(".");
  return { release: `${major}.${pack}`, product: enterprise(Number(major), Number(pack)) };
}

function enterprise(major: number, pack: number): string {
  return `SUSE Linux Enterprise Server ${major}${pack === 0 ? "" : ` SP${pack}`}`;
}

/**
 * `content`: `LABEL SUSE Linux Enterprise Server 11 SP4`, or `DISTRO cpe:/o:suse:sles:12:sp5,SUSE Linux ...`. openSUSE
 * before Leap 15 has its own numbers, which are none of ours.
 */
function fromContent(content: string): Named | undefined {
  const label = /^LABEL (.+)$/m.exec(content)?.[1] ?? /^DISTRO [^,]+,(.+)$/m.exec(content)?.[1] ?? "";
  const [, major, pack = "0"] = /^SUSE Linux Enterprise Server (1[0-4])(?: SP(\d+))?/.exec(label) ?? [];
  if (major === undefined) return undefined;
  return { release: `${major}.${pack}`, product: enterprise(Number(major), Number(pack)) };
}
