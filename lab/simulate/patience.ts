/** How long the programs of a boot wait, as their sources have it; all times in milliseconds. Pure. */

/** A program has waited as long as it does, and gives up: on a real machine the install would have failed or begun anew. */
export class OutOfPatience extends Error {}

export type DhcpClient = "firmware" | "ipxe" | "installer";

/** Waits after each time of asking, the last one too. */
export const DHCP_WAITS: Readonly<Record<DhcpClient, readonly number[]>> = {
  // EDK II NetworkPkg/UefiPxeBcDxe, mPxeDhcpTimeout; PXE 2.1 section 2.2.3 has the same.
  firmware: [4000, 8000, 16_000, 32_000],
  // iPXE config/dhcp.h, DHCP_DISC_START_TIMEOUT_SEC to DHCP_DISC_END_TIMEOUT_SEC.
  ipxe: [1000, 2000, 4000, 8000],
  // netcfg: udhcpc -T 1 -t 600, as src/os/debian-preseed.ts asks for.
  installer: Array.from({ length: 600 }, () => 1000),
};

/** EDK II, PXEBC_MTFTP_TIMEOUT and PXEBC_MTFTP_RETRIES: of each block. */
export const TFTP = { waitMs: 4000, tries: 6 };

/** iPXE's net/retry.c: SYNs after 0.25, 0.5, 1, 2, 4 and 8 s; then the connection has failed. */
export const IPXE_CONNECT_MS = 15_750;
/** iPXE waits for ever for a server that has accepted and says nothing, where the script names no `--timeout`. */
export const IPXE_SILENCE_MS = 120_000;

/** GNU wget with the wgetrc of src/os/debian-scripts.ts: its pauses grow by a second to the longest. */
export const WGET = { tries: 120, silenceMs: 30_000, longestPauseMs: 10_000 };

/** `report` of src/os/debian-scripts.ts: on each server, then again. */
export const REPORT = { silenceMs: 10_000, pauseMs: 3000 };

/** A machine that has found nothing to boot starts anew: the time of its self-test. */
export const POWER_CYCLE_MS = 5000;
