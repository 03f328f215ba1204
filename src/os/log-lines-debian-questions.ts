/**
 * What the Debian Installer's dialogs say that come up when something is wrong, by the names of their debconf
 * templates (Debian 12: disk-detect, partman-*, choose-mirror, base-installer, apt-setup, grub-installer, main-menu,
 * preseed, netcfg, user-setup).
 */
const QUESTIONS: Readonly<Record<string, string>> = {
  "apt-setup/mirror/error": "the mirror cannot be used",
  "base-installer/debootstrap-failed": "failed to install the base system",
  "base-installer/kernel/failed-install": "unable to install the kernel",
  "base-installer/kernel/failed-package-install": "unable to install a package that the kernel needs",
  "base-installer/kernel/no-kernels-found": "no kernel was found to install",
  "debian-installer/main-menu": "which step is next",
  "debian-installer/main-menu/item-failure": "an installation step failed",
  "disk-detect/cannot_find": "no disk was found",
  "disk-detect/module_select": "no disk was found; which driver does it need",
  "grub-installer/grub-install-failed": "the boot loader could not be installed",
  "hw-detect/load_media": "a driver for its hardware is missing",
  "mirror/bad": "the mirror is bad",
  "netcfg/dhcp_failed": "network autoconfiguration failed",
  "netcfg/no_interfaces": "no network interfaces were found",
  "partman-auto/autopartitioning_failed": "failed to partition the disk; it may have too many partitions",
  "partman-auto/no_recipe": "failed to partition the disk; it may be too small",
  "partman-auto/unusable_space": "the free space of the disk cannot be used",
  "partman-basicfilesystems/create_failed": "failed to create a file system",
  "partman-target/no_root": "no root file system is defined",
  "passwd/root-password": "the password of root",
  "preseed/command_failed": "a command of the preseed file failed",
  "retriever/net/error": "a file could not be downloaded from the mirror",
};

/** `names`: of the questions of one dialog, with spaces between them; nothing where a program in C asks. */
export function questionText(names: string): string {
  if (names === "") return "something that its answers do not cover";
  return names
    .split(/\s+/)
    .map((name) => (Object.hasOwn(QUESTIONS, name) ? `${QUESTIONS[name]} (${name})` : name))
    .join(", ");
}
