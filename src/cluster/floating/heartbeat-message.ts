/** What servers tell each other many times a second, signed: bytes <-> values. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Ipv4 } from "../../base/address.ts";
import { parseIpv4 } from "../../base/address.ts";
import type { Witness } from "./advice.ts";
import { type Fitness, isFitness } from "./fitness.ts";

export interface Heartbeat {
  readonly server: string;
  /** Milliseconds since 1970 when its sender started: tells its runs apart. */
  readonly run: number;
  /** Counts the heartbeats of a run, from 1. */
  readonly sequence: number;
  readonly fitness: Fitness;
  readonly witness: Witness;
  /** Floating addresses that it has now. */
  readonly holds: readonly Ipv4[];
}

/** HMAC-SHA-256 (RFC 2104), in front of the JSON text. */
const SIGNATURE_BYTES = 32;
const WITNESSES: readonly unknown[] = ["yes", "no", "unknown"] satisfies Witness[];

export function encodeHeartbeat(heartbeat: Heartbeat, key: Uint8Array): Buffer {
  const body = Buffer.from(JSON.stringify(heartbeat));
  return Buffer.concat([sign(body, key), body]);
}

/** Undefined for what nobody with the key has signed, or is no heartbeat. */
export function decodeHeartbeat(packet: Uint8Array, key: Uint8Array): Heartbeat | undefined {
  const signature = packet.subarray(0, SIGNATURE_BYTES);
  const body = packet.subarray(SIGNATURE_BYTES);
  if (signature.length < SIGNATURE_BYTES || !timingSafeEqual(signature, sign(body, key))) return undefined;
  return toHeartbeat(parse(Buffer.from(body).toString()));
}

/** Is `next` later than `last`? A repeated or replayed heartbeat is not. */
export function isNewer(next: Heartbeat, last: Heartbeat | undefined): boolean {
  if (last === undefined || next.run > last.run) return true;
  return next.run === last.run && next.sequence > last.sequence;
}

function sign(body: Uint8Array, key: Uint8Array): Buffer {
  return createHmac("sha256", key).update(body).digest();
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function toHeartbeat(value: Readonly<Record<string, unknown>>): Heartbeat | undefined {
  const { server, run, sequence, fitness, witness, holds } = value;
  if (typeof server !== "string" || !isFitness(fitness) || !isWitness(witness)) return undefined;
  if (typeof run !== "number" || typeof sequence !== "number" || !Array.isArray(holds)) return undefined;
  const addresses = holds.flatMap((address) => (typeof address === "string" ? (parseIpv4(address) ?? []) : []));
  return { server, run, sequence, fitness, witness, holds: addresses };
}

function isWitness(value: unknown): value is Witness {
  return WITNESSES.includes(value);
}
