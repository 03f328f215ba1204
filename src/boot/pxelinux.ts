/** Configuration files of PXELINUX (Syslinux 6.04), served as `pxelinux.cfg/...`. */
import { type Ipv4, ipv4FromBytes, type Mac, parseMac } from "../base/address.ts";
import { type BootScript, type InstallScript, type LocalScript, screenText, type WaitScript } from "./script.ts";

export function renderPxelinux(script: BootScript): string {
  return `${linesOf(script).join("\n")}\n`;
}

function linesOf(script: BootScript): string[] {
  if (script.kind === "wait") return waitLines(script);
  return script.kind === "install" ? installLines(script) : localLines(script);
}

function installLines(script: InstallScript): string[] {
  return [
    "DEFAULT install",
    "PROMPT 0",
    `SAY Everboot: ${screenText(script.title)}`,
    "LABEL install",
    `  KERNEL ${script.kernel}`,
    `  APPEND ${[`initrd=${script.initrd}`, ...script.arguments].join(" ")}`,
  ];
}

/**
 * The prompt's time-out, in tenths of a second, starts PXELINUX itself anew, which asks again; when it cannot be fetched
 * the prompt comes back. CONFIG with the same file would be less to fetch, but ends at a prompt without a time-out when it
 * is not found, and after some 120 times anyway (6.04, tried).
 */
function waitLines(script: WaitScript): string[] {
  return [
    "DEFAULT wait",
    "PROMPT 1",
    `TIMEOUT ${script.seconds * 10}`,
    `SAY Everboot: ${screenText(script.title)}`,
    "LABEL wait",
    "  KERNEL pxelinux.0",
  ];
}

/** LOCALBOOT 0 is the plain return to the firmware's boot order (Syslinux doc/syslinux.txt). */
function localLines(script: LocalScript): string[] {
  return ["DEFAULT local", "PROMPT 0", `SAY Everboot: ${screenText(script.title)}`, "LABEL local", "  LOCALBOOT 0"];
}

/** Whose configuration a name in `pxelinux.cfg/` stands for. */
export type PxelinuxName =
  | { readonly kind: "mac"; readonly mac: Mac }
  | { readonly kind: "address"; readonly address: Ipv4 }
  | { readonly kind: "default" };

/**
 * PXELINUX asks for its UUID, `01-<mac>`, its address in eight upper-case hex digits and ever fewer of them, then
 * `default` (Syslinux core/fs/pxe/pxe.c). UUIDs and shortened addresses belong to no single host: undefined.
 */
export function parsePxelinuxName(name: string): PxelinuxName | undefined {
  if (name === "default") return { kind: "default" };
  if (/^[0-9A-F]{8}$/.test(name)) return { kind: "address", address: ipv4FromBytes(Buffer.from(name, "hex")) };
  const mac = /^01-(.{17})$/.exec(name)?.[1];
  const parsed = mac === undefined ? undefined : parseMac(mac);
  return parsed && { kind: "mac", mac: parsed };
}
