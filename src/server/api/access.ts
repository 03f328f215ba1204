/** Who calls by the network: a token in the Authorization header (RFC 6750), or the session of a browser. */
import type { Clock } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import type { Audit } from "../../cluster/audit.ts";
import { includesRole, type Role, type Token, type Tokens } from "../../cluster/tokens.ts";
import type { Caller } from "./route.ts";
import { MOST_TRIES, WrongTries } from "./tries.ts";

/** Of a request. */
export interface Credentials {
  /** IP address. */
  readonly address: string;
  /** By lower-case name. */
  header(name: string): string | undefined;
}

export interface Session {
  readonly token: Token;
  /** Value of the Set-Cookie header. */
  readonly cookie: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

const COOKIE = "everboot_session";
const SESSION_MS = 12 * 60 * 60 * 1000;
/** RFC 6265 section 5.2. Not `Secure`: the API is plain HTTP. */
const COOKIE_RULES = "Path=/; HttpOnly; SameSite=Strict";
/** Takes the session away from the browser. */
export const NO_SESSION = `${COOKIE}=; ${COOKIE_RULES}; Max-Age=0`;

const READING = ["GET", "HEAD"];

export class Access {
  private readonly tokens: Tokens;
  private readonly audit: Audit;
  private readonly clock: Clock;
  private readonly tries: WrongTries;

  constructor(options: { readonly tokens: Tokens; readonly audit: Audit; readonly clock: Clock }) {
    this.tokens = options.tokens;
    this.audit = options.audit;
    this.clock = options.clock;
    this.tries = new WrongTries(options.clock);
  }

  /** @throws EverbootError `token-missing`, `token-wrong`, `tries-exceeded` or `origin-foreign` */
  callerOf(request: Credentials, method: string): Caller {
    const [, secret] = /^Bearer +(\S+)$/i.exec(request.header("authorization") ?? "") ?? [];
    if (secret !== undefined) return callerBy("token", this.tokenOf(secret, request.address));
    const session = sessionIn(request.header("cookie"));
    if (session === undefined) throw new EverbootError("token-missing");
    const token = this.tokens.ofSession(session);
    if (!token) throw new EverbootError("token-wrong");
    if (!READING.includes(method)) requireOwnPage(request, "must");
    return callerBy("session", token);
  }

  /** @throws EverbootError `token-wrong`, `tries-exceeded` or `origin-foreign` */
  logIn(secret: string, request: Credentials): Session {
    requireOwnPage(request, "may");
    const token = this.tokenOf(secret, request.address);
    const expires = Math.min(this.clock.now() + SESSION_MS, token.expires ?? Number.POSITIVE_INFINITY);
    const session = this.tokens.openSession(token.name, expires);
    // It was revoked this moment.
    if (session === undefined) throw new EverbootError("token-wrong");
    const seconds = Math.floor((expires - this.clock.now()) / 1000);
    return { token, expires, cookie: `${COOKIE}=${session}; ${COOKIE_RULES}; Max-Age=${seconds}` };
  }

  private tokenOf(secret: string, address: string): Token {
    if (this.tries.isBlocked(address)) throw new EverbootError("tries-exceeded", { address });
    const token = this.tokens.find(secret);
    if (token) return token;
    const count = this.tries.add(address);
    // Two rows a minute: more would push the others out of the log.
    if (count === 1 || count === MOST_TRIES)
      this.audit.note({ who: address, what: "wrong token", after: `${count} within a minute`, outcome: "token-wrong" });
    throw new EverbootError("token-wrong");
  }
}

/** @throws EverbootError `role-missing` */
export function requireRole({ name, role }: Caller, wanted: Role): void {
  if (!includesRole(role, wanted)) throw new EverbootError("role-missing", { who: name, has: role, wanted });
}

function callerBy(by: Caller["by"], { name, role }: Token): Caller {
  return { name, role, by };
}

function sessionIn(cookies: string | undefined): string | undefined {
  const pairs = (cookies ?? "").split(";").map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

/**
 * A browser sends Origin with whatever may change something (Fetch standard, section 3.2); pages of other sites cannot
 * make it say ours. Logging in is for programs too, which send none.
 */
function requireOwnPage(request: Credentials, originIs: "must" | "may"): void {
  const origin = request.header("origin");
  if (origin === undefined && originIs === "may") return;
  const host = origin !== undefined && URL.canParse(origin) ? new URL(origin).host : undefined;
  if (host === undefined || host !== request.header("host")) throw new EverbootError("origin-foreign");
}
