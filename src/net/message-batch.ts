/**
 * Memory of sendmmsg(2) and recvmmsg(2): many datagrams a call. The structures are those of 64-bit Linux, little-endian,
 * with glibc and musl alike. What they point to is kept here, and no pointer leads past the bytes it was made from.
 */
import type { Ipv4 } from "../base/address.ts";
import type { Burst } from "./burst.ts";
import type { Peer } from "./datagram.ts";
import { socketAddress } from "./socket-address.ts";

export type AddressOf = (bytes: Uint8Array) => bigint;

/** struct sockaddr_in */
const NAME_BYTES = 16;
/** struct iovec */
const VECTOR_BYTES = 16;
/** struct mmsghdr: msghdr of 56 bytes (name, vectors, control: each a pointer and a length; flags), then the length. */
const MESSAGE_BYTES = 64;
const WORDS = MESSAGE_BYTES / 4;
const AT = { name: 0, nameLength: 2, vectors: 4, vectorCount: 6, control: 8, controlLength: 10, length: 14 } as const;
/** struct cmsghdr with the segment size: length, level, type, value. */
const CONTROL_BYTES = 24;
const CONTROL_USED = 18;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

/** linux/udp.h: of one message; 128 since Linux 6.9. */
const MOST_SEGMENTS = 64;
/** An IPv4 packet's, less its headers. */
const MOST_BYTES = 65507;

/** A client, with its address as sockets have it. */
export class BatchPeer implements Peer {
  readonly address: Ipv4;
  readonly port: number;
  /** The first eight bytes of struct sockaddr_in, as words of this machine. */
  readonly words: Uint32Array;
  /** Datagrams from this size on are not segmented on the way to it: its route, or its device, refused to. */
  refusedFrom: number = Number.POSITIVE_INFINITY;

  constructor(address: Ipv4, port: number) {
    this.address = address;
    this.port = port;
    this.words = new Uint32Array(socketAddress(address, port).buffer, 0, 2);
  }
}

/** What one recvmmsg call fills. */
export class ReceiveBatch {
  readonly messages: Uint8Array;
  private readonly words: Uint32Array;
  private readonly names: Uint8Array;
  private readonly space: Uint8Array;
  private readonly vectors: Uint8Array;
  private readonly views: Uint8Array[] = [];
  private readonly room: number;

  /** @param count of messages a call @param room bytes for each; what is longer is cut off */
  constructor(count: number, room: number, addressOf: AddressOf) {
    this.room = room;
    this.messages = new Uint8Array(count * MESSAGE_BYTES);
    this.words = new Uint32Array(this.messages.buffer);
    this.names = new Uint8Array(count * NAME_BYTES);
    this.space = new Uint8Array(count * room);
    this.vectors = new Uint8Array(count * VECTOR_BYTES);
    const at = { names: addressOf(this.names), space: addressOf(this.space), vectors: addressOf(this.vectors) };
    const pointers = new BigUint64Array(this.messages.buffer);
    const vectors = new BigUint64Array(this.vectors.buffer);
    for (let index = 0; index < count; index++) {
      vectors[index * 2] = at.space + BigInt(index * room);
      vectors[index * 2 + 1] = BigInt(room);
      pointers[index * 8] = at.names + BigInt(index * NAME_BYTES);
      pointers[index * 8 + 2] = at.vectors + BigInt(index * VECTOR_BYTES);
      pointers[index * 8 + 3] = 1n;
    }
    this.prepare(count);
  }

  /** Before the next call: the kernel has written the lengths of the names of so many messages. */
  prepare(count: number): void {
    for (let index = 0; index < count; index++) this.words[index * WORDS + AT.nameLength] = NAME_BYTES;
  }

  /** A view that the next call writes anew. */
  datagram(index: number): Uint8Array {
    const length = Math.min(this.words[index * WORDS + AT.length] ?? 0, this.room);
    const known = this.views[index];
    // Most are acknowledgements, of the same length as the one before.
    if (known?.length === length) return known;
    const view = this.space.subarray(index * this.room, index * this.room + length);
    this.views[index] = view;
    return view;
  }

  /** Sender of datagram `index`: its address as a number, and its port. */
  sender(index: number): { readonly address: number; readonly port: number } {
    const { names } = this;
    const at = index * NAME_BYTES;
    const byte = (offset: number) => names[at + offset] ?? 0;
    return {
      address: byte(4) * 0x1000000 + ((byte(5) << 16) | (byte(6) << 8) | byte(7)),
      port: (byte(2) << 8) | byte(3),
    };
  }
}

/** One message that waits to be sent. */
interface Queued {
  readonly burst: Burst;
  /** Where the batch has its headers. */
  readonly headersAt: number;
  readonly to: BatchPeer;
  /** Cut into datagrams by the kernel (UDP_SEGMENT). */
  readonly isSegmented: boolean;
}

/** Messages for one sendmmsg call. */
export class SendBatch {
  private readonly queued: Queued[] = [];
  readonly messages: Uint8Array;
  private readonly messageWords: Uint32Array;
  private readonly nameWords: Uint32Array;
  private readonly vectors: Uint8Array;
  private readonly vectorWords: Uint32Array;
  private readonly control: Uint8Array;
  private readonly controlSizes: Uint16Array;
  private readonly headers: Uint8Array;
  private readonly places: { readonly vectors: number; readonly headers: number };
  private readonly addressOf: AddressOf;
  /** Where the bytes lie that bursts are cut from: many bursts are cut from the same. */
  private readonly known = new WeakMap<ArrayBufferLike, number>();
  private vectorCount = 0;
  private headerBytes = 0;

  constructor(limits: { readonly messages: number; readonly vectors: number }, addressOf: AddressOf) {
    this.addressOf = addressOf;
    this.messages = new Uint8Array(limits.messages * MESSAGE_BYTES);
    this.messageWords = new Uint32Array(this.messages.buffer);
    const names = new Uint8Array(limits.messages * NAME_BYTES);
    this.nameWords = new Uint32Array(names.buffer);
    this.vectors = new Uint8Array(limits.vectors * VECTOR_BYTES);
    this.vectorWords = new Uint32Array(this.vectors.buffer);
    this.control = new Uint8Array(limits.messages * CONTROL_BYTES);
    this.controlSizes = new Uint16Array(this.control.buffer);
    this.headers = new Uint8Array(limits.vectors * 4);
    this.places = { vectors: Number(addressOf(this.vectors)), headers: Number(addressOf(this.headers)) };
    this.putFixed(limits.messages, addressOf(names), addressOf(this.control));
  }

  private putFixed(count: number, names: bigint, control: bigint): void {
    const pointers = new BigUint64Array(this.messages.buffer);
    const view = new DataView(this.control.buffer);
    for (let index = 0; index < count; index++) {
      pointers[index * 8] = names + BigInt(index * NAME_BYTES);
      pointers[index * 8 + 1] = BigInt(NAME_BYTES);
      pointers[index * 8 + 4] = control + BigInt(index * CONTROL_BYTES);
      view.setBigUint64(index * CONTROL_BYTES, BigInt(CONTROL_USED), true);
      view.setInt32(index * CONTROL_BYTES + 8, SOL_UDP, true);
      view.setInt32(index * CONTROL_BYTES + 12, UDP_SEGMENT, true);
    }
  }

  /** Takes a message into the batch; false when it is full. `burst` is one message: it was cut to what one may hold. */
  add(burst: Burst, to: BatchPeer, isSegmented: boolean): boolean {
    const index = this.queued.length;
    const count = burst.headers.length / burst.headerLength;
    if ((index + 1) * MESSAGE_BYTES > this.messages.length) return false;
    if ((this.vectorCount + 2 * count) * VECTOR_BYTES > this.vectors.length) return false;
    if (this.headerBytes + burst.headers.length > this.headers.length) return false;
    this.nameWords.set(to.words, (index * NAME_BYTES) / 4);
    const words = index * WORDS;
    this.putPointer(this.messageWords, words + AT.vectors, this.places.vectors + this.vectorCount * VECTOR_BYTES);
    this.messageWords[words + AT.controlLength] = isSegmented ? CONTROL_BYTES : 0;
    if (isSegmented) this.controlSizes[(index * CONTROL_BYTES + 16) / 2] = burst.headerLength + burst.sliceLength;
    this.messageWords[words + AT.vectorCount] = this.putVectors(burst, count);
    this.queued.push({ burst, headersAt: this.headerBytes, to, isSegmented });
    this.headerBytes += burst.headers.length;
    return true;
  }

  /** A message that is queued, as it was when it was added. */
  at(index: number): { readonly burst: Burst; readonly to: BatchPeer; readonly isSegmented: boolean } | undefined {
    const queued = this.queued[index];
    if (queued === undefined) return undefined;
    const { burst, headersAt, to, isSegmented } = queued;
    const headers = this.headers.subarray(headersAt, headersAt + burst.headers.length);
    return { burst: { ...burst, headers }, to, isSegmented };
  }

  /** How many messages wait. */
  get count(): number {
    return this.queued.length;
  }

  clear(): void {
    this.queued.length = 0;
    this.vectorCount = 0;
    this.headerBytes = 0;
  }

  /** Two for each datagram: its header, copied to here, and its slice where it lies. */
  private putVectors({ headers, headerLength, bytes, sliceLength }: Burst, count: number): number {
    const before = this.vectorCount;
    const source = this.placeOf(bytes);
    this.headers.set(headers, this.headerBytes);
    for (let index = 0, start = 0; index < count; index++, start += sliceLength) {
      this.putVector(this.places.headers + this.headerBytes + index * headerLength, headerLength);
      const length = Math.min(sliceLength, bytes.length - start);
      if (length > 0) this.putVector(source + start, length);
    }
    return this.vectorCount - before;
  }

  private putVector(address: number, length: number): void {
    const at = (this.vectorCount * VECTOR_BYTES) / 4;
    this.putPointer(this.vectorWords, at, address);
    this.vectorWords[at + 2] = length;
    this.vectorCount += 1;
  }

  private putPointer(words: Uint32Array, at: number, address: number): void {
    words[at] = address;
    words[at + 1] = address / 0x1_0000_0000;
  }

  private placeOf(bytes: Uint8Array): number {
    let base = this.known.get(bytes.buffer);
    if (base === undefined) {
      base = Number(this.addressOf(new Uint8Array(bytes.buffer)));
      this.known.set(bytes.buffer, base);
    }
    return base + bytes.byteOffset;
  }
}

/** Parts of a burst that one message may hold each: as many datagrams as the kernel cuts apart, or one. */
export function messagesOf(burst: Burst, isSegmented: boolean): Burst[] {
  const { headers, headerLength, bytes, sliceLength } = burst;
  const fitting = Math.floor(MOST_BYTES / (headerLength + sliceLength));
  const each = isSegmented ? Math.max(1, Math.min(MOST_SEGMENTS, fitting)) : 1;
  const count = headers.length / headerLength;
  if (count <= each) return [burst];
  return Array.from({ length: Math.ceil(count / each) }, (_, part) => {
    const [first, end] = [part * each, (part + 1) * each];
    return {
      headers: headers.subarray(first * headerLength, end * headerLength),
      headerLength,
      bytes: bytes.subarray(first * sliceLength, end * sliceLength),
      sliceLength,
    };
  });
}
