/** GRUB configuration (2.06, 2.12), served as `grub/grub.cfg` and `grub/grub.cfg-01-<mac>`. */
import { macWithDashes } from "../base/address.ts";
import { type BootScript, type InstallScript, type LocalScript, screenText, type WaitScript } from "./script.ts";

export function renderGrub(script: BootScript): string {
  return `${linesOf(script).join("\n")}\n`;
}

function linesOf(script: BootScript): string[] {
  if (script.kind === "wait") return waitLines(script);
  return script.kind === "install" ? installLines(script) : localLines(script);
}

/**
 * Paths without a device are those of the server that GRUB itself came from, by the protocol that it came by: Debian's
 * signed network GRUB (2.06) has TFTP and no HTTP. GRUB has no `||`; `until` repeats a failed fetch, each of which gives
 * up by itself after half a minute of silence.
 */
function installLines(script: InstallScript): string[] {
  const retry = [`  echo "Everboot: ${script.server.address} does not answer, trying again"`, "  sleep 3", "done"];
  return [
    `echo "Everboot: ${screenText(script.title)}"`,
    `until linux ${[`/${script.kernel}`, ...script.arguments.map(quoteGrub)].join(" ")}; do`,
    ...retry,
    `until initrd /${script.initrd}; do`,
    ...retry,
    "boot",
  ];
}

/**
 * The first such script asks again and again; those that it is answered end after their pause, as one that asked by
 * itself would lie in the stack of the one before it. `source` tells nobody that it found nothing (normal/main.c), so an
 * answer leaves a mark.
 */
function waitLines(script: WaitScript): string[] {
  return [
    `echo "Everboot: ${screenText(script.title)}"`,
    `sleep ${script.seconds}`,
    "set answered=1",
    'if [ "$waiting" != 1 ]; then',
    "  set waiting=1",
    "  while true; do",
    "    set answered=0",
    `    source /grub/${script.since}/grub.cfg-01-${macWithDashes(script.mac)}`,
    '    if [ "$answered" != 1 ]; then',
    '      echo "Everboot: the server does not answer, trying again"',
    "      sleep 3",
    "    fi",
    "  done",
    "fi",
  ];
}

/** Where installed systems have their loaders; the first is the one that firmware itself falls back to. */
const DISK_LOADERS = [
  "/EFI/BOOT/BOOTX64.EFI",
  "/EFI/BOOT/BOOTAA64.EFI",
  "/EFI/debian/shimx64.efi",
  "/EFI/debian/grubx64.efi",
];

/**
 * `exit` of GRUB 2.06 tells the firmware that all is well, and EDK II then shows its set-up screen in place of the next
 * boot option: so the disk's own loader is started, and `exit` is for machines that have none.
 */
function localLines(script: LocalScript): string[] {
  return [
    `echo "Everboot: ${screenText(script.title)}"`,
    `for loader in ${DISK_LOADERS.join(" ")}; do`,
    "  if search --no-floppy --file --set=root $loader; then",
    "    chainloader $loader",
    "    boot",
    "  fi",
    "done",
    "exit",
  ];
}

/** Single quotes keep `$` and `;` from GRUB's shell; an argument cannot hold a single quote itself. */
function quoteGrub(argument: string): string {
  return /^[\w./:=,@%+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "")}'`;
}
