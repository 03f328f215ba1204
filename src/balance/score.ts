/**
 * Highest random weight: every server draws a number for a client, and the highest comes first (Thaler and Ravishankar,
 * "Using name-based mappings to increase hit rates", 1998). A draw depends on its own server and the client alone, so
 * that one server more or less changes nothing between the others.
 */
import { hash } from "node:crypto";

export interface Weighted {
  readonly name: string;
  /** 0 = last. */
  readonly weight: number;
}

/**
 * Names of the servers by their draw for this client. A server comes first with the probability of its part of all
 * weight (Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005: the logarithmic method). Equal draws
 * stay in the order given.
 */
export function rankByDraw(client: string, servers: readonly Weighted[]): readonly string[] {
  return servers
    .map(({ name, weight }) => ({ name, score: weight / -Math.log(draw(name, client)) }))
    .sort((a, b) => b.score - a.score)
    .map(({ name }) => name);
}

/** Above 0 and below 1. No server's name has a slash, so no two pairs are written alike. */
function draw(server: string, client: string): number {
  const bits = hash("sha256", `${server}/${client}`, "buffer").readUIntBE(0, 6);
  return (bits + 0.5) / 2 ** 48;
}
