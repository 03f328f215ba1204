/** What a relay agent says about its client in option 82 (RFC 3046). */
import { type Ipv4, ipv4FromBytes } from "../base/address.ts";
import { DecodeError } from "../base/bytes.ts";
import { type DhcpOptions, OPTION } from "./dhcp-options.ts";
import { readTlvs } from "./dhcp-tlv.ts";

export interface RelayAgentInfo {
  /** Port of the switch, in the relay's own form. */
  readonly circuitId?: Uint8Array;
  /** The far end of the circuit, in the relay's own form. */
  readonly remoteId?: Uint8Array;
  /** An address of the client's subnet, when `giaddr` is not in it (RFC 3527). */
  readonly linkSelection?: Ipv4;
  /** What the client shall take for the server's address, so that renewals pass the relay (RFC 5107). */
  readonly serverIdOverride?: Ipv4;
}

const SUB_OPTION = { circuitId: 1, remoteId: 2, linkSelection: 5, serverIdOverride: 11 } as const;

/** `undefined` when no relay put its option in. Throws DecodeError for a sub-option cut short. */
export function relayAgentInfo(options: DhcpOptions): RelayAgentInfo | undefined {
  const value = options.get(OPTION["relay-agent"]);
  if (!value) return undefined;
  const parts = new Map<number, Uint8Array>();
  readTlvs(value, "bare", parts);
  const circuitId = parts.get(SUB_OPTION.circuitId);
  const remoteId = parts.get(SUB_OPTION.remoteId);
  const linkSelection = address(parts, SUB_OPTION.linkSelection);
  const serverIdOverride = address(parts, SUB_OPTION.serverIdOverride);
  return {
    ...(circuitId && { circuitId }),
    ...(remoteId && { remoteId }),
    ...(linkSelection && { linkSelection }),
    ...(serverIdOverride && { serverIdOverride }),
  };
}

function address(parts: ReadonlyMap<number, Uint8Array>, code: number): Ipv4 | undefined {
  const value = parts.get(code);
  if (value && value.length !== 4) throw new DecodeError(`relay sub-option ${code} is no address`, 0);
  return value && ipv4FromBytes(value);
}
