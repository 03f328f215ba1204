/**
 * A tree for a TFTP server of one's own. Nothing in it installs: each configuration only asks the install server, which
 * knows the permits. Without an answer the machine boots from its disk.
 *
 * PXELINUX starts iPXE for that: a script can go on with the disk when a fetch fails, a PXELINUX configuration cannot.
 */
import { ipv4ToHex, macWithDashes } from "../base/address.ts";
import { renderGrub } from "../boot/grub.ts";
import { renderIpxe } from "../boot/ipxe.ts";
import { loadersOfSite } from "../boot/loader.ts";
import type { LocalScript } from "../boot/script.ts";
import { LOADERS, type LoaderTable } from "../content/loaders.ts";
import type { Site } from "../site/model.ts";
import { baseUrl, type ServerView } from "../site/server-view.ts";
import { IPXE_MAC } from "./dhcp-facts.ts";
import { type Export, type ExportedFile, origin } from "./exports.ts";

export const pxelinux: Export = {
  name: "pxelinux",
  givesAddresses: false,
  summary: "a TFTP tree: loaders, pxelinux.cfg/ and grub/grub.cfg, which ask the install server what to do",
  render: (site, server) => {
    const title = `# ${origin(site, server, "pxelinux")}`;
    const loaders = [...new Set([...PXELINUX_LOADERS, ...loadersOfSite(site)])].sort();
    return [
      ...loaders.flatMap(loader),
      text("message.txt", messageLines(site, server)),
      text("everboot.ipxe", ipxeLines(title, server)),
      ...configNames(site).map((name) => text(`pxelinux.cfg/${name}`, [title, ...ASKING])),
      text("pxelinux.cfg/default", [title, ...LOCAL]),
      ...(loaders.some((name) => name.startsWith("shim")) ? [text("grub/grub.cfg", grubLines(title, server))] : []),
    ];
  },
};

/** `ipxe.lkrn` is iPXE with drivers of its own, in the form of a Linux kernel: the one that PXELINUX can start. */
const TABLE: LoaderTable = {
  ...LOADERS,
  "ipxe.lkrn": { package: "ipxe", paths: ["/usr/lib/ipxe/ipxe.lkrn", "/boot/ipxe.lkrn"] },
};
const PXELINUX_LOADERS = ["pxelinux.0", "ldlinux.c32", "ipxe.lkrn"];

function loader(path: string): ExportedFile[] {
  const source = TABLE[path];
  return source ? [{ kind: "loader", path, source }] : [];
}

/** By each NIC, and by the address for what asks in another way (seeds: `C0A80080` is 192.168.0.128). */
function configNames(site: Site): string[] {
  return [...site.hosts.values()].flatMap(({ nics, address }) => [
    ...nics.map((mac) => `01-${macWithDashes(mac)}`),
    ipv4ToHex(address),
  ]);
}

/** Tenths of a second at the prompt. */
const TIMEOUT = 50;
const LOCAL_LABEL = ["LABEL local", "  LOCALBOOT 0"];
const ASKING = [
  "DEFAULT everboot",
  "DISPLAY message.txt",
  "PROMPT 1",
  `TIMEOUT ${TIMEOUT}`,
  "LABEL everboot",
  "  KERNEL ipxe.lkrn",
  "  INITRD everboot.ipxe",
  ...LOCAL_LABEL,
];
/** For machines that are no host of the site. */
const LOCAL = ["DEFAULT local", "PROMPT 0", ...LOCAL_LABEL];

function messageLines(site: Site, server: ServerView): string[] {
  return [
    `Everboot, site ${site.name}`,
    "",
    `  everboot   ask ${server.address}: installs with a permit, else boots from the disk`,
    "  local      boot from the disk",
    "",
    `everboot is chosen in ${TIMEOUT / 10} seconds.`,
    "",
  ];
}

const SILENT: LocalScript = { kind: "local", title: "no answer from the install server, booting from the disk" };

/** Silence after which iPXE gives a download up, milliseconds: longer than an address takes to move to a survivor. */
const QUIET_MS = 20_000;

function ipxeLines(title: string, server: ServerView): string[] {
  const [magic = "", ...local] = linesOf(renderIpxe(SILENT));
  return [
    magic,
    title,
    "dhcp || goto local",
    `chain --timeout ${QUIET_MS} ${baseUrl(server)}/boot/ipxe/${IPXE_MAC} || goto local`,
    ":local",
    ...local,
  ];
}

/** By TFTP: Debian's signed network GRUB (2.06) has no HTTP. `root` is where the paths of the fetched script are found. */
function grubLines(title: string, server: ServerView): string[] {
  return [
    title,
    `set root=tftp,${server.address}`,
    "configfile /grub/grub.cfg-01-$net_default_mac",
    ...linesOf(renderGrub(SILENT)),
  ];
}

function text(path: string, lines: readonly string[]): ExportedFile {
  return { kind: "text", path, text: `${lines.join("\n")}\n` };
}

function linesOf(script: string): string[] {
  return script.trimEnd().split("\n");
}
