/** GRUB configuration (2.06, 2.12), served as `grub/grub.cfg` and `grub/grub.cfg-01-<mac>`. */
import { type BootScript, type InstallScript, type LocalScript, screenText } from "./script.ts";

export function renderGrub(script: BootScript): string {
  return `${(script.kind === "install" ? installLines(script) : localLines(script)).join("\n")}\n`;
}

/** GRUB has no `||`; `until` repeats a failed fetch. Each fetch gives up by itself after some 16 s of silence. */
function installLines(script: InstallScript): string[] {
  const { address, httpPort } = script.server;
  const root = httpPort === 80 ? `(http,${address})` : `(http,${address}:${httpPort})`;
  const retry = [`  echo "Everboot: ${address} does not answer, trying again"`, "  sleep 3", "done"];
  return [
    `echo "Everboot: ${screenText(script.title)}"`,
    `until linux ${[`${root}/${script.kernel}`, ...script.arguments.map(quoteGrub)].join(" ")}; do`,
    ...retry,
    `until initrd ${root}/${script.initrd}; do`,
    ...retry,
    "boot",
  ];
}

function localLines(script: LocalScript): string[] {
  return [`echo "Everboot: ${screenText(script.title)}"`, "exit"];
}

/** Single quotes keep `$` and `;` from GRUB's shell; an argument cannot hold a single quote itself. */
function quoteGrub(argument: string): string {
  return /^[\w./:=,@%+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "")}'`;
}
