/**
 * A client of NFS 3 (RFC 1813) that shows file handles, run by nfs.test.ts inside a namespace. Prints a line of JSON.
 *
 *     nfs3-client.ts SERVER handle PATH NAME   the handle of file NAME in the folder that is mounted as PATH
 *     nfs3-client.ts SERVER read HANDLE        the file's first bytes, as text, or the error's number
 */
import { once } from "node:events";
import { connect } from "node:net";
import { MOUNT_PORT, NFS_PORT } from "../../src/server/nfs/ganesha-config.ts";

export type Nfs3Answer = { readonly status: number; readonly handle?: string; readonly text?: string };

const MOUNT = { port: MOUNT_PORT, program: 100_005 };
const NFS = { port: NFS_PORT, program: 100_003 };
const [MNT, LOOKUP, READ] = [1, 3, 6];
/** Of an accepted reply with an empty verifier (RFC 5531 section 9). */
const REPLY_HEADER = 24;
/** `post_op_attr` with attributes (RFC 1813 section 2.6). */
const ATTRIBUTES = 4 + 84;

const [server = "", verb, subject = "", name = ""] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(verb === "read" ? await readStart(subject) : await lookUp(subject, name))}\n`);

async function lookUp(path: string, file: string): Promise<Nfs3Answer> {
  const folder = handleIn(await call(MOUNT, MNT, opaque(Buffer.from(path))));
  if (folder.handle === undefined) return folder;
  return handleIn(await call(NFS, LOOKUP, opaque(Buffer.from(folder.handle, "hex")), opaque(Buffer.from(file))));
}

async function readStart(handle: string): Promise<Nfs3Answer> {
  const range = words(0, 0, 64);
  const reply = await call(NFS, READ, opaque(Buffer.from(handle, "hex")), range);
  const status = reply.readUInt32BE(0);
  if (status !== 0) return { status };
  // count, eof, then the bytes as opaque data
  return { status, text: opaqueAt(reply, 4 + ATTRIBUTES + 8).toString() };
}

function handleIn(reply: Buffer): Nfs3Answer {
  const status = reply.readUInt32BE(0);
  return status === 0 ? { status, handle: opaqueAt(reply, 4).toString("hex") } : { status };
}

function words(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number, index * 4);
  return bytes;
}

function opaque(bytes: Buffer): Buffer {
  return Buffer.concat([words(bytes.length), bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

function opaqueAt(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at));
}

/** Its results. As root of an unnamed machine (AUTH_SYS). */
async function call(to: typeof NFS, procedure: number, ...args: readonly Buffer[]): Promise<Buffer> {
  const credentials = [1, 20, 0, 0, 0, 0, 0];
  const body = Buffer.concat([words(1, 0, 2, to.program, 3, procedure, ...credentials, 0, 0), ...args]);
  const socket = connect({ host: server, port: to.port });
  await once(socket, "connect");
  socket.write(Buffer.concat([words(0x8000_0000 + body.length), body]));
  let reply = Buffer.alloc(0);
  for await (const chunk of socket) {
    reply = Buffer.concat([reply, chunk]);
    if (reply.length >= 4 && reply.length >= 4 + (reply.readUInt32BE(0) & 0x7fff_ffff)) break;
  }
  return reply.subarray(4 + REPLY_HEADER);
}
