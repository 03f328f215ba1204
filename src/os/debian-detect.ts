/** Recognises Debian's media: a mirror or an installation image by `dists/`, an unpacked netboot.tar.gz by version.info. */
import type { DetectedTree, TreeFiles } from "./family.ts";

export function detectDebian(files: TreeFiles): DetectedTree | undefined {
  return archive(files) ?? netboot(files, "") ?? netboot(files, "netboot/");
}

interface Suite {
  /** Path: `dists/bookworm`, `dists/stable`. */
  readonly folder: string;
  readonly codename: string;
  /** `12.5`; testing and sid have none. */
  readonly version: string;
}

/** The newest suite of an archive, or of the part of one that an installation image holds. */
function archive(files: TreeFiles): DetectedTree | undefined {
  const suites = files.names("dists").flatMap((name) => suiteOf(files, `dists/${name}`) ?? []);
  const [newest] = suites.sort((a, b) => Number(b.version) - Number(a.version));
  if (!newest) return undefined;
  const { folder, codename, version } = newest;
  const parts = files.names(`${folder}/main`);
  return {
    release: codename,
    arch: preferred(architectures(parts, "installer-")) ?? preferred(architectures(parts, "binary-")) ?? "amd64",
    product: version === "" ? `Debian ${codename}` : `Debian ${version} (${codename})`,
  };
}

/** Ubuntu's and other derivatives' Release files have another origin; bookworm-updates is no release. */
function suiteOf(files: TreeFiles, folder: string): Suite | undefined {
  const text = files.text(`${folder}/Release`);
  const codename = field(text, "Codename");
  if (field(text, "Origin") !== "Debian" || !/^[a-z]+$/.test(codename)) return undefined;
  return { folder, codename, version: field(text, "Version") };
}

function architectures(names: readonly string[], prefix: string): string[] {
  return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

/** A whole mirror has many. */
function preferred(found: readonly string[]): string | undefined {
  return found.find((arch) => arch === "amd64") ?? found.find((arch) => arch !== "all");
}

/** `Debian version: 12 (bookworm)` */
function netboot(files: TreeFiles, folder: string): DetectedTree | undefined {
  const text = files.text(`${folder}version.info`) ?? "";
  const [, version, codename] = /^Debian version: +(\S+) \((\w+)\)/m.exec(text) ?? [];
  if (version === undefined || codename === undefined) return undefined;
  const arch = preferred(files.names(`${folder}debian-installer`)) ?? "amd64";
  return { release: codename, arch, product: `Debian ${version} (${codename}) netboot` };
}

/** A field of one line, as in deb822(5). */
function field(text: string | undefined, name: string): string {
  return new RegExp(`^${name}: *(.*?) *$`, "m").exec(text ?? "")?.[1] ?? "";
}
