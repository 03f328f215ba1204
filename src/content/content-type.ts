/** Media types by the ending of a file's name: the few that a boot client or a person at a browser cares for. */

const TYPES: Readonly<Record<string, string>> = {
  // EDK II's HTTP boot tells an EFI program by this type (HttpBootCheckImageType).
  efi: "application/efi",
  deb: "application/vnd.debian.binary-package",
  udeb: "application/vnd.debian.binary-package",
  gz: "application/gzip",
  xz: "application/x-xz",
  iso: "application/x-iso9660-image",
  json: "application/json",
  html: "text/html; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  cfg: "text/plain; charset=utf-8",
  ipxe: "text/plain; charset=utf-8",
};

export function contentTypeOf(path: string): string {
  const ending = /\.([^./]+)$/.exec(path)?.[1] ?? "";
  return TYPES[ending.toLowerCase()] ?? "application/octet-stream";
}
