/** What boot firmware wants to find in a reply (PXE 2.1 specification, EDK II PxeBcDhcp4.c, iPXE dhcp.c). */
import { ByteWriter } from "../base/bytes.ts";
import { writeEnd, writeTlv } from "./dhcp-tlv.ts";

/** Vendor classes a reply must carry to count as a PXE or a UEFI HTTP offer. */
export const PXE_CLASS = "PXEClient";
export const HTTP_CLASS = "HTTPClient";

/** PXE_DISCOVERY_CONTROL; bit 3: skip the discovery of boot servers, load the file that the reply names. */
const DISCOVERY_CONTROL = 6;
const SKIP_DISCOVERY = 8;

/** iPXE's `no-pxedhcp`: do not wait two seconds for a proxyDHCP server. */
const NO_PXE_DHCP = 0xb0;

/** Option 43 `06 01 08 ff`: just boot the file. */
export function pxeSkipDiscovery(): Uint8Array {
  const writer = new ByteWriter(4);
  writeTlv(writer, DISCOVERY_CONTROL, Uint8Array.of(SKIP_DISCOVERY));
  writeEnd(writer);
  return writer.finish();
}

/** Option 175 that spares iPXE the wait for a proxyDHCP server. */
export function ipxeNoProxy(): Uint8Array {
  const writer = new ByteWriter(3);
  writeTlv(writer, NO_PXE_DHCP, Uint8Array.of(1));
  return writer.finish();
}
