/** Which stage of an install a file belongs to that was fetched. Pure. */
import type { Stage } from "./events.ts";

/** Paths of server/boot/boot-files.ts. Tried in order; the first that matches decides. */
const RULES: ReadonlyArray<readonly [RegExp, Stage]> = [
  [/^boot\/ipxe\//, "script"],
  [/^pxelinux\.cfg\//, "script"],
  [/^grub\//, "script"],
  [/^boot\/[^/]+\/[^/]+\/(?:linux|initrd)$/, "kernel"],
  [/^trees\/./, "packages"],
  // undionly.kpxe, snponly.efi, pxelinux.0, ldlinux.c32, shimx64.efi.signed
  [/\.(?:kpxe|kkpxe|pxe|efi|0|c32|lkrn)(?:\.signed)?$/, "loader"],
];

/** `path` with or without its leading slash, as TFTP clients ask with either; `undefined` = no stage's file. */
export function stageOfPath(path: string): Stage | undefined {
  const relative = path.replace(/^\/+/, "");
  return RULES.find(([pattern]) => pattern.test(relative))?.[1];
}
