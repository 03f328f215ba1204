/** Calls of ONC RPC (RFC 5531) over TCP, as far as they are needed to ask whether a service answers. Pure. */

export interface RpcCall {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  /** The arguments, all of them unsigned numbers of 32 bits. */
  readonly args?: readonly number[];
}

/** Does nothing (RFC 1813 section 3.3.0, RFC 7530 section 15.1). */
export function nfsNull(version: 3 | 4): RpcCall {
  return { program: 100_003, version, procedure: 0 };
}

/** Does nothing, asked of the port mapper. */
export const PORT_MAPPER_NULL: RpcCall = { program: 100_000, version: 2, procedure: 0 };

/** At which TCP port is NFS 3? PMAPPROC_GETPORT of version 2 of the port mapper (RFC 1833 section 3.2). */
export const NFS3_PORT_QUERY: RpcCall = {
  program: 100_000,
  version: 2,
  procedure: 3,
  args: [100_003, 3, 6 /* TCP */, 0],
};

const RPC_VERSION = 2;
const LAST_FRAGMENT = 0x8000_0000;
const NO_AUTHENTICATION = [0, 0];
/** xid, REPLY, MSG_ACCEPTED, verifier's flavour and length, SUCCESS. */
const REPLY_WORDS = 6;

/** With the record mark of section 11. `xid`: comes back in the reply. */
export function encodeCall(xid: number, { program, version, procedure, args = [] }: RpcCall): Uint8Array {
  const credentials = [...NO_AUTHENTICATION, ...NO_AUTHENTICATION];
  const words = [xid, 0 /* CALL */, RPC_VERSION, program, version, procedure, ...credentials, ...args];
  const bytes = new DataView(new ArrayBuffer(4 + words.length * 4));
  for (const [index, word] of [LAST_FRAGMENT + words.length * 4, ...words].entries()) bytes.setUint32(index * 4, word);
  return new Uint8Array(bytes.buffer);
}

/**
 * The results of a call that was carried out, as numbers of 32 bits; undefined while the reply is not whole. Throws when
 * it is a refusal, or no reply to this call in one fragment with an empty verifier.
 */
export function parseReply(xid: number, bytes: Uint8Array): readonly number[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) return undefined;
  const length = view.getUint32(0) - LAST_FRAGMENT;
  if (length < REPLY_WORDS * 4 || length > 1024 || length % 4 !== 0) throw new Error("no reply of RPC");
  if (bytes.length < 4 + length) return undefined;
  const words = Array.from({ length: length / 4 }, (_, index) => view.getUint32(4 + index * 4));
  const expected = [xid, 1 /* REPLY */, 0, ...NO_AUTHENTICATION, 0];
  if (!expected.every((word, index) => words[index] === word)) throw new Error(`refused: ${words.join(" ")}`);
  return words.slice(REPLY_WORDS);
}
