/** Classic BPF programs (Linux Documentation/networking/filter.rst): the kernel drops what a tap does not want. Pure. */

/** Packets begin with their IP header; `arp` needs no filter, as its EtherType is its own. */
export type TapKind = "arp" | "dhcp-client" | "vrrp";

/** Code, jump if true, jump if false, operand. */
type Instruction = readonly [number, number, number, number];

const LOAD_BYTE = 0x30;
const LOAD_HALF_AFTER_HEADER = 0x48;
const HEADER_LENGTH = 0xb1;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;

const WHOLE: Instruction = [RETURN, 0, 0, 0xffff];
const NOTHING: Instruction = [RETURN, 0, 0, 0];

const PROTOCOL_AT = 9;
const UDP = 17;
/** RFC 5798 section 5.1.1.4. */
const VRRP = 112;
const DHCP_CLIENT_PORT = 68;

const PROGRAMS: Readonly<Record<TapKind, readonly Instruction[]>> = {
  arp: [],
  "dhcp-client": [
    [LOAD_BYTE, 0, 0, PROTOCOL_AT],
    [JUMP_IF_EQUAL, 0, 4, UDP],
    [HEADER_LENGTH, 0, 0, 0],
    // The destination port, two bytes into the UDP header.
    [LOAD_HALF_AFTER_HEADER, 0, 0, 2],
    [JUMP_IF_EQUAL, 0, 1, DHCP_CLIENT_PORT],
    WHOLE,
    NOTHING,
  ],
  vrrp: [[LOAD_BYTE, 0, 0, PROTOCOL_AT], [JUMP_IF_EQUAL, 0, 1, VRRP], WHOLE, NOTHING],
};

/** An array of struct sock_filter, of 8 bytes each, in this machine's byte order; empty = no filter. */
export function packetFilter(kind: TapKind): Uint8Array {
  const program = PROGRAMS[kind];
  const bytes = new Uint8Array(program.length * 8);
  for (const [index, [code, ifTrue, ifFalse, operand]] of program.entries()) {
    bytes.set(new Uint8Array(Uint16Array.of(code).buffer), index * 8);
    bytes.set([ifTrue, ifFalse], index * 8 + 2);
    bytes.set(new Uint8Array(Uint32Array.of(operand).buffer), index * 8 + 4);
  }
  return bytes;
}
