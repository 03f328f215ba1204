/** How many packages an install of a host brings, as the package list of its tree lets expect. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { minimalIncludes, morePackages } from "../os/debian-preseed.ts";
import { skipsLocales } from "../os/debian-scripts.ts";
import type { Host, Profile } from "../site/model.ts";
import { type AptPackages, closureOf, DependencyParser } from "./apt-closure.ts";
import type { PackagesEnding } from "./apt-index.ts";
import { readPackages } from "./packages-file.ts";
import { SingleFlight } from "./single-flight.ts";
import { servedFolder, versionFolder } from "./versions.ts";

/** What the Debian Installer is told to install (os/debian-preseed.ts). */
interface Install {
  readonly isMinimal: boolean;
  readonly recommends: boolean;
  /** Beside those of the base system's priorities: debootstrap brings them, without what they recommend. */
  readonly base: readonly string[];
  /** apt brings these. */
  readonly more: readonly string[];
}

/** Those of a list that can be read, the one that is read at the least cost first. */
const ENDINGS: readonly PackagesEnding[] = ["", ".gz", ".xz"];

export class InstallSizes {
  private readonly lists = new Map<string, PackageList>();
  private readonly looks = new SingleFlight<void>();

  /**
   * Answers from what is known, and has the list read or read again in the background where it must be.
   * @param version of its tree, that it was handed; none = as it is served
   * @returns undefined: not known, or not yet. Folder trees of Debian alone have a list that is read: what a
   * pull-through mirror keeps depends on what was asked of it.
   */
  packages(host: Host, version?: string): number | undefined {
    const { tree } = host.profile;
    if (tree.family !== "debian" || tree.upstream !== undefined) return undefined;
    const folder = join("dists", tree.release, "main", `binary-${tree.arch}`);
    const key = join(tree.path, version ?? "", folder);
    const top = async () => (version === undefined ? servedFolder(tree.path) : versionFolder(tree.path, version));
    const list = this.lists.get(key) ?? new PackageList(top, folder);
    this.lists.set(key, list);
    const size = list.size(installOf(host));
    void this.looks.run(key, () => list.look());
    return size;
  }

  /** Resolves when no list is being read. */
  idle(): Promise<void> {
    return this.looks.idle();
  }
}

/** One list, and what it says of the installs that were asked for. The list itself is not kept: it may be 50 MB. */
class PackageList {
  private readonly top: () => Promise<string>;
  private readonly folder: string;
  private readonly wanted = new Map<string, Install>();
  private version = "";
  private sizes: ReadonlyMap<string, number> = new Map();

  /** @param top folder of the tree's files, asked at each look @param folder of the list in it */
  constructor(top: () => Promise<string>, folder: string) {
    this.top = top;
    this.folder = folder;
  }

  /** 0 is no size: a list that has none of an install's packages, or cannot be read, says nothing. */
  size(install: Install): number | undefined {
    const key = JSON.stringify(install);
    this.wanted.set(key, install);
    return this.sizes.get(key) || undefined;
  }

  /** Reads the list if it is another one than before, or something was asked for since. Never rejects. */
  async look(): Promise<void> {
    const served = await this.top().catch(() => undefined);
    const found = served === undefined ? undefined : await findList(join(served, this.folder));
    const version = found?.version ?? "";
    if (version === this.version && [...this.wanted.keys()].every((key) => this.sizes.has(key))) return;
    const list = found && (await readPackages(found.path, found.ending, new DependencyParser()).catch(() => undefined));
    this.version = version;
    this.sizes = new Map([...this.wanted].map(([key, install]) => [key, list ? sizeOf(list, install) : 0]));
  }
}

interface FoundList {
  readonly path: string;
  readonly ending: PackagesEnding;
  readonly version: string;
}

async function findList(folder: string): Promise<FoundList | undefined> {
  for (const ending of ENDINGS) {
    const path = join(folder, `Packages${ending}`);
    const info = await stat(path, { bigint: true }).catch(() => undefined);
    if (info?.isFile()) return { path, ending, version: `${path} ${info.ino} ${info.size} ${info.mtimeNs}` };
  }
  return undefined;
}

function sizeOf(list: AptPackages, { isMinimal, recommends, base, more }: Install): number {
  const priorities = isMinimal ? ["required"] : ["required", "important"];
  const byPriority = [...list.packages].flatMap(([name, { priority }]) => (priorities.includes(priority) ? name : []));
  const installed = closureOf(list, [...byPriority, "apt", ...base], { recommends: false });
  return installed.size + closureOf(list, more, { recommends, installed }).size;
}

function installOf({ profile, bond }: Host): Install {
  const { tree, minimal, recommends } = profile;
  return {
    ...{ isMinimal: minimal, recommends },
    base: [...(minimal ? minimalIncludes(tree.release) : []), ...(bond ? ["ifenslave"] : [])],
    more: [...systemPackages(profile), ...morePackages(profile)],
  };
}

/**
 * What the installer adds of its own (base-installer 1.213, hw-detect and pkgsel of Debian 12): kernel, boot loader,
 * tools of the disk's layout, language and keyboard.
 */
function systemPackages(profile: Profile): string[] {
  const { tree, kernel, disk, minimal } = profile;
  // Packages of the boot loader for BIOS and for UEFI are about as many.
  const bootLoader = tree.arch === "amd64" || tree.arch === "i386" ? "grub-pc" : `grub-efi-${tree.arch}`;
  return [
    ...[kernel ?? `linux-image-${tree.arch}`, "initramfs-tools", "busybox", "zstd", "pciutils", bootLoader],
    ...["laptop-detect", "discover", "installation-report", "popularity-contest", "os-prober"],
    ...(disk.layout === "lvm" ? ["lvm2"] : []),
    ...(disk.layout === "raid1" ? ["mdadm"] : []),
    ...(skipsLocales(profile) ? [] : ["locales"]),
    ...(minimal ? [] : ["console-setup", "keyboard-configuration"]),
  ];
}
