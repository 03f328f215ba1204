/** What a tree is, by the files that Anaconda's media have: .treeinfo (productmd 1.x and before), or .discinfo. */
import type { DetectedTree, TreeFiles } from "./family.ts";
import { isFedora, parseGeneration } from "./redhat-release.ts";

/** Others have the same files, with another installer or other packages below them. */
const FAMILIES = /^(Red Hat Enterprise Linux|Rocky Linux|AlmaLinux|Oracle Linux|CentOS|Fedora)\b/;
/** rpm's names to Debian's. */
const ARCHES: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

interface TreeSays {
  readonly product: string;
  readonly version: string;
  readonly arch: string;
}

export function detectRedhat(files: TreeFiles): DetectedTree | undefined {
  const info = files.text(".treeinfo") ?? files.text("treeinfo");
  const says = info === undefined ? discInfo(files.text(".discinfo")) : treeInfo(info);
  if (!says || !files.has("images/pxeboot/vmlinuz")) return undefined;
  // Of RHEL 8.2.0 the third number is always 0.
  const [release = ""] = /^\d+(\.\d+)?/.exec(says.version) ?? [];
  if (parseGeneration(release) === undefined) return undefined;
  return { release, arch: ARCHES[says.arch] ?? says.arch, product: `${says.product} ${release}` };
}

/** `[general]` is there in every version of the format; `name` of `[release]` is the product's, without a version. */
function treeInfo(text: string): TreeSays | undefined {
  const general = iniSection(text, "general");
  const release = iniSection(text, "release");
  const product = release.get("name") ?? general.get("family") ?? "";
  const version = general.get("version") ?? release.get("version") ?? "";
  const arch = general.get("arch") ?? iniSection(text, "tree").get("arch") ?? "";
  return FAMILIES.test(product) ? { product, version, arch } : undefined;
}

function iniSection(text: string, wanted: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let current = "";
  for (const line of text.split(/\r?\n/)) {
    current = /^\[(.+)\]\s*$/.exec(line)?.[1] ?? current;
    const [, key = "", value = ""] = /^([^;#=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (current === wanted && key !== "") values.set(key, value);
  }
  return values;
}

/** Lines: time, `Rocky Linux 9.6` or `7.9` alone, architecture, numbers of the disc. */
function discInfo(text: string | undefined): TreeSays | undefined {
  const [, title = "", arch = ""] = text?.split(/\r?\n/).map((line) => line.trim()) ?? [];
  const [, name = "", version = ""] = /^(\D*?)\s*(\d[\d.]*)$/.exec(title) ?? [];
  if (version === "" || (name !== "" && !FAMILIES.test(name))) return undefined;
  return { product: name || (isFedora(version) ? "Fedora" : "Enterprise Linux"), version, arch };
}
