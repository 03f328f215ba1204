/**
 * Who may ask the API by the network: tokens, in the common state under `token/<name>`, so that each server knows all.
 * Of a token's secret only the SHA-256 is kept: who reads the state or a copy of it cannot use the tokens.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { Deleted, Entry, Revision, Store } from "../store/store.ts";
import { type Following, followStore } from "./follow-store.ts";

/** Each may do what those before it may, and more. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

export function includesRole(has: Role, wanted: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(wanted);
}

/** Without its secret. Times in milliseconds since 1970. */
export interface Token {
  readonly name: string;
  readonly role: Role;
  readonly issued: number;
  /** Who made it. */
  readonly by: string;
  /** Absent = never. */
  readonly expires?: number;
  /** To the hour; absent = never yet. */
  readonly used?: number;
}

export interface NewToken {
  readonly name: string;
  readonly role: Role;
  readonly by: string;
  readonly lifetimeMs?: number;
}

/** The secret is told this once. */
export interface IssuedToken {
  readonly token: Token;
  readonly secret: string;
}

export interface Tokens {
  /** By name. */
  list(): readonly Token[];
  /** Rejects with EverbootError `token-exists`, `store-unavailable` or `cluster-away`. */
  add(token: NewToken): Promise<IssuedToken>;
  /** Ends the token and all its sessions. Rejects with `token-unknown`, `store-unavailable` or `cluster-away`. */
  revoke(name: string): Promise<Token>;
  /**
   * The first token of a site, for an admin: made once in the site's life, by whichever server is first, and only while
   * there is none. Undefined = there was one. Rejects with `store-unavailable` or `cluster-away`.
   */
  first(by: string): Promise<IssuedToken | undefined>;
  /** Whose secret this is, if it has not ended. Takes the same time for all that are wrong. */
  find(secret: string): Token | undefined;
  /** A signed text that stands for the token until `expires`, or until the token ends. */
  openSession(name: string, expires: number): string | undefined;
  /** Whose session this is. */
  ofSession(session: string): Token | undefined;
}

export interface TokensOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** So many bytes of cryptographic randomness: `randomBytes` of node:crypto. */
  readonly random: (bytes: number) => Uint8Array;
  /** Where other servers write to the same store. */
  readonly following?: Following;
}

interface StoredToken extends Token {
  /** SHA-256 of the secret, hex. */
  readonly hash: string;
}

interface Held {
  readonly token: StoredToken | undefined;
  readonly revision: Revision;
}

const PREFIX = "token/";
/** Says that the site has had its first token. */
const FIRST_MADE = "first-token";
/** Milliseconds within which the time of use is not written again. */
const USED_MS = 3_600_000;
/** 160 bits. */
const SECRET_BYTES = 20;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** Reads the tokens into memory. Rejects with `store-unavailable`. */
export async function openTokens(options: TokensOptions): Promise<Tokens> {
  const known = await options.store.list(PREFIX);
  const tokens = new TokenTable(options, known);
  if (options.following) void followStore(options.store, PREFIX, known, (row) => tokens.take(row), options.following);
  return tokens;
}

class TokenTable implements Tokens {
  private readonly options: TokensOptions;
  private readonly held = new Map<string, Held>();

  constructor(options: TokensOptions, known: readonly Entry[]) {
    this.options = options;
    for (const row of known) this.take(row);
  }

  list(): readonly Token[] {
    const tokens = Array.from(this.held.values(), ({ token }) => token && shown(token));
    return tokens.filter((token) => token !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async add(wanted: NewToken): Promise<IssuedToken> {
    const { stored, issued } = this.make(wanted);
    const revision = await this.write(stored, [{ key: keyOf(wanted.name), revision: 0 }]);
    if (revision === undefined) throw new EverbootError("token-exists", { name: wanted.name });
    return issued;
  }

  async revoke(name: string): Promise<Token> {
    const known = this.held.get(name)?.token;
    if (!known) throw new EverbootError("token-unknown", { name });
    const result = await this.options.store.commit({ remove: [keyOf(name)] });
    if (result.kind === "committed") this.remember(name, { token: undefined, revision: result.revision });
    return shown(known);
  }

  async first(by: string): Promise<IssuedToken | undefined> {
    if (this.list().length > 0) return undefined;
    const { stored, issued } = this.make({ name: "first", role: "admin", by });
    const expect = [FIRST_MADE, keyOf(stored.name)].map((key) => ({ key, revision: 0 }));
    const revision = await this.write(stored, expect, [{ key: FIRST_MADE, value: "true" }]);
    return revision === undefined ? undefined : issued;
  }

  find(secret: string): Token | undefined {
    const hash = Buffer.from(hashOf(secret), "hex");
    // All of them, so that the time tells nothing of where a likeness ends.
    const [found] = this.valid().filter((token) => timingSafeEqual(hash, Buffer.from(token.hash, "hex")));
    if (found) this.noteUse(found);
    return found && shown(found);
  }

  openSession(name: string, expires: number): string | undefined {
    const token = this.held.get(name)?.token;
    return token && `${name}:${expires}:${sign(token, expires)}`;
  }

  ofSession(session: string): Token | undefined {
    const [name = "", expires = "", signature = ""] = session.split(":");
    const token = this.valid().find((each) => each.name === name);
    const end = Number(expires);
    if (!token || !(end > this.options.clock.now()) || !isSame(sign(token, end), signature)) return undefined;
    this.noteUse(token);
    return shown(token);
  }

  /** What the watch tells late of an older state does not count. */
  take({ key, value, revision }: Entry | Deleted): void {
    const token = value === undefined ? undefined : (JSON.parse(value) as StoredToken);
    this.remember(key.slice(PREFIX.length), { token, revision });
  }

  private remember(name: string, held: Held): void {
    if (held.revision > (this.held.get(name)?.revision ?? 0)) this.held.set(name, held);
  }

  private valid(): StoredToken[] {
    const now = this.options.clock.now();
    const tokens = Array.from(this.held.values(), ({ token }) => token);
    return tokens.filter(
      (token) => token !== undefined && (token.expires ?? Number.POSITIVE_INFINITY) > now,
    ) as StoredToken[];
  }

  private make({ name, role, by, lifetimeMs }: NewToken): { stored: StoredToken; issued: IssuedToken } {
    const issued = this.options.clock.now();
    const secret = `eb_${role.charAt(0)}_${base32(this.options.random(SECRET_BYTES))}`;
    const token: Token = {
      ...{ name, role, issued, by },
      ...(lifetimeMs !== undefined && { expires: issued + lifetimeMs }),
    };
    return { stored: { ...token, hash: hashOf(secret) }, issued: { token, secret } };
  }

  /** Undefined = an expectation did not hold. */
  private async write(
    token: StoredToken,
    expect: ReadonlyArray<{ readonly key: string; readonly revision: Revision }>,
    more: ReadonlyArray<{ readonly key: string; readonly value: string }> = [],
  ): Promise<Revision | undefined> {
    const put = [...more, { key: keyOf(token.name), value: JSON.stringify(token) }];
    const result = await this.options.store.commit({ expect, put });
    if (result.kind === "conflict") return undefined;
    this.remember(token.name, { token, revision: result.revision });
    return result.revision;
  }

  /** Behind the asker's back; an outage, or somebody who was quicker, loses nothing but an hour. */
  private noteUse(token: StoredToken): void {
    const now = this.options.clock.now();
    const held = this.held.get(token.name);
    if (!held || Math.abs(now - (token.used ?? 0)) < USED_MS) return;
    const used: StoredToken = { ...token, used: now };
    // In memory at once, so that the next request does not write too.
    this.held.set(token.name, { ...held, token: used });
    this.write(used, [{ key: keyOf(token.name), revision: held.revision }]).catch(() => undefined);
  }
}

/** By the hash, which no client knows: it ends with the token, and all servers have it. */
function sign({ name, hash }: StoredToken, expires: number): string {
  return createHmac("sha256", Buffer.from(hash, "hex")).update(`session:${name}:${expires}`).digest("hex");
}

function isSame(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function shown({ hash: _hash, ...token }: StoredToken): Token {
  return token;
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** RFC 4648 section 6, in lower case; five bytes make eight letters. */
function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{5}/g) ?? []).map((five) => BASE32.charAt(Number.parseInt(five, 2))).join("");
}

function keyOf(name: string): string {
  return PREFIX + name;
}
