/** iPXE scripts. They never give up while a server is away: a failed step waits and starts again. */
import { macWithDashes } from "../base/address.ts";
import { baseUrl } from "../site/server-view.ts";
import { type BootScript, type InstallScript, type LocalScript, screenText, type WaitScript } from "./script.ts";

/** Silence on a download after which iPXE starts it again, milliseconds. */
const QUIET_MS = 20_000;
/** 400 rounds of at least 3 s: 20 minutes, then the firmware starts afresh. */
const ROUNDS = 400;

export function renderIpxe(script: BootScript): string {
  return `${linesOf(script).join("\n")}\n`;
}

function linesOf(script: BootScript): string[] {
  if (script.kind === "wait") return waitLines(script);
  return script.kind === "install" ? installLines(script) : localLines(script);
}

function installLines(script: InstallScript): string[] {
  const url = baseUrl(script.server);
  const kernel = `${url}/${script.kernel}`;
  // initrd= names the image for kernels that UEFI starts: they ask the firmware for the file of that name.
  const line = [`initrd=initrd`, ...script.arguments].join(" ");
  return [
    "#!ipxe",
    `echo Everboot: ${screenText(script.title)}`,
    "set round:int32 0",
    ":again",
    "inc round",
    `iseq \${round} ${ROUNDS} && reboot ||`,
    "imgfree",
    `kernel --timeout ${QUIET_MS} ${kernel} ${line} || goto wait`,
    `initrd --timeout ${QUIET_MS} --name initrd ${url}/${script.initrd} || goto wait`,
    "boot || goto wait",
    ":wait",
    `echo Everboot: ${script.server.address} does not answer, trying again`,
    "sleep 3",
    "goto again",
  ];
}

/** The next script takes the place of this one, so that a wait of hours fills neither memory nor stack. */
function waitLines(script: WaitScript): string[] {
  const url = `${baseUrl(script.server)}/boot/ipxe/${macWithDashes(script.mac)}/${script.since}`;
  return [
    "#!ipxe",
    `echo Everboot: ${screenText(script.title)}`,
    `sleep ${script.seconds}`,
    "set round:int32 0",
    ":again",
    "inc round",
    `iseq \${round} ${ROUNDS} && reboot ||`,
    `chain --replace --autofree --timeout ${QUIET_MS} ${url} ||`,
    `echo Everboot: ${script.server.address} does not answer, trying again`,
    "sleep 3",
    "goto again",
  ];
}

/**
 * A BIOS is handed its first disk. UEFI goes on with its next boot option when a loader fails; one that ends well is the
 * end of the boot order, and EDK II shows its set-up screen (UEFI 2.10 section 3.1.1).
 */
function localLines(script: LocalScript): string[] {
  return [
    "#!ipxe",
    `echo Everboot: ${screenText(script.title)}`,
    `iseq \${platform} efi && exit 1 ||`,
    "sanboot --no-describe --drive 0x80 || exit",
  ];
}
