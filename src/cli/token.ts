/** `everboot token`: who may use the API and the dashboard by the network. */
import { EverbootError } from "../base/errors.ts";
import type { Token } from "../cluster/tokens.ts";
import { alignColumns } from "./columns.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions } from "./options.ts";
import { ask, STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot token add NAME --role viewer|operator|admin [--days N] | list | revoke NAME
  Tokens for the API and the dashboard. All servers of the site know them.
  add NAME      makes a token, and prints its secret this once
  --role ROLE   viewer: sees all but secrets; operator: also installs, cancels, drains, accepts machines;
                admin: also the site file, answer files, tokens and the audit log
  --days N      ends by itself after N days
  list          all tokens, without their secrets
  revoke NAME   ends a token and all its sessions
${STATE_USAGE}`;

interface Values {
  readonly state?: string | undefined;
  readonly json?: boolean | undefined;
  readonly role?: string | undefined;
  readonly days?: string | undefined;
}

type Action = (name: string | undefined, values: Values, io: Io) => Promise<void>;

const ACTIONS: ReadonlyMap<string, Action> = new Map([
  ["add", add],
  ["list", list],
  ["revoke", revoke],
]);

export const tokenCommand: Command = {
  name: "token",
  summary: "who may use the API and the dashboard",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, {
      ...STATE_OPTION,
      role: { type: "string" },
      days: { type: "string" },
    });
    const [word = "", name, ...more] = positionals;
    const action = ACTIONS.get(word);
    if (!action || more.length > 0 || (word === "list") !== (name === undefined)) throw misuse();
    await action(name, values, io);
    return 0;
  },
};

function misuse(): EverbootError {
  return new EverbootError("usage", { what: `usage: ${USAGE.split("\n")[0]}` });
}

async function add(name: string | undefined, { state, json, role, days }: Values, io: Io): Promise<void> {
  if (role === undefined) throw misuse();
  const body = { name, role, ...(days !== undefined && { days: Number(days) }) };
  const made = (await ask(io, state, "POST", "/api/v1/tokens", body)) as { token: Token; secret: string };
  if (json === true) return io.out(JSON.stringify(made));
  io.err(`token ${made.token.name}, role ${made.token.role}, ${endText(made.token)}; this is shown once:`);
  io.out(made.secret);
}

async function list(_name: string | undefined, { state, json }: Values, io: Io): Promise<void> {
  const { items } = (await ask(io, state, "GET", "/api/v1/tokens")) as { readonly items: readonly Token[] };
  if (json === true) return io.out(JSON.stringify(items));
  const rows = items.map((token) => [
    ...[token.name, token.role, `made ${day(token.issued)} by ${token.by}`],
    ...[endText(token), token.used === undefined ? "never used" : `used ${day(token.used)}`],
  ]);
  for (const line of alignColumns(rows, ["left", "left", "left", "left", "left"], "")) io.out(line);
}

async function revoke(name: string | undefined, { state, json }: Values, io: Io): Promise<void> {
  const path = `/api/v1/tokens/${encodeURIComponent(name ?? "")}`;
  const token = (await ask(io, state, "DELETE", path)) as Token;
  io.out(json === true ? JSON.stringify(token) : `token ${token.name} has ended, and its sessions with it`);
}

function endText({ expires }: Token): string {
  return expires === undefined ? "without end" : `until ${day(expires)}`;
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
