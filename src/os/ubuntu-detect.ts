/** Recognizes the files of Ubuntu's live-server medium, unpacked or mounted. */
import type { DetectedTree, TreeFiles } from "./family.ts";

/**
 * One line, `Ubuntu-Server 24.04.2 LTS "Noble Numbat" - Release amd64 (20250216.1)`. The desktop's medium begins with
 * `Ubuntu` alone: its installer takes an answer file too, but installs another system.
 */
const DISK_INFO = /^(Ubuntu-Server) ((\d\d\.\d\d)\S*(?: LTS)?) .*- .*\b(amd64|arm64)\b/;

export function detectUbuntu(files: TreeFiles): DetectedTree | undefined {
  const [, , version, release, arch] = DISK_INFO.exec(files.text(".disk/info") ?? "") ?? [];
  if (version === undefined || release === undefined || arch === undefined || !files.has("casper")) return undefined;
  return { release, arch, product: `Ubuntu Server ${version}` };
}
