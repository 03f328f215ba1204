/** Tokens, sessions, and the log of what was changed. */
import { z } from "zod";
import { ROLES } from "../../cluster/tokens.ts";
import { NO_SESSION } from "./access.ts";
import type { ApiContext, Keys } from "./context.ts";
import { type ApiRoute, jsonRoute, PAGE_QUERY } from "./route.ts";
import { AUDIT_ROW, pageOf, TOKEN } from "./shapes.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** None where there are no tokens. */
export function accessRoutes({ keys, operations }: ApiContext): ApiRoute[] {
  return keys ? [...sessionRoutes(keys, operations), ...tokenRoutes(keys), ...auditRoutes(keys)] : [];
}

const WHO = z.object({
  name: z.string(),
  role: z.enum(ROLES),
  site: z.string(),
  server: z.string(),
  expires: z.number().exactOptional(),
});

function sessionRoutes({ access, audit }: Keys, operations: ApiContext["operations"]): ApiRoute[] {
  const here = () => {
    const { site, server } = operations().names();
    return { site, server };
  };
  return [
    jsonRoute({
      method: "POST",
      path: "/api/v1/session",
      id: "logIn",
      role: "anyone",
      summary: "logs a browser in: its cookie stands for the token for twelve hours",
      body: z.strictObject({ token: z.string().max(200) }),
      answer: WHO,
      handle: ({ body, ...request }) => {
        const { token, cookie, expires } = access.logIn(body.token, request);
        request.answerHeader("set-cookie", cookie);
        audit.note({ who: token.name, what: "log in", target: request.address, outcome: "done" });
        return { name: token.name, role: token.role, expires, ...here() };
      },
    }),
    jsonRoute({
      method: "GET",
      path: "/api/v1/session",
      id: "whoAmI",
      role: "viewer",
      summary: "whose token this is, and what it may do",
      answer: WHO,
      handle: ({ caller: { name, role } }) => ({ name, role, ...here() }),
    }),
    jsonRoute({
      method: "DELETE",
      path: "/api/v1/session",
      id: "logOut",
      role: "anyone",
      summary: "logs the browser out",
      answer: z.object({}),
      handle: ({ answerHeader }) => {
        answerHeader("set-cookie", NO_SESSION);
        return {};
      },
    }),
  ];
}

const NEW_TOKEN = z.strictObject({
  // It stands in cookies and rows: no separators.
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/)
    .describe("Letters, digits, `.`, `_`, `@` and `-`."),
  role: z.enum(ROLES),
  days: z.number().int().min(1).max(3650).exactOptional().describe("Left out: it does not end by itself."),
});

function tokenRoutes({ tokens }: Keys): ApiRoute[] {
  return [
    jsonRoute({
      method: "GET",
      path: "/api/v1/tokens",
      id: "listTokens",
      role: "admin",
      summary: "the tokens, without their secrets",
      answer: z.object({ items: z.array(TOKEN) }),
      handle: () => ({ items: tokens.list() }),
    }),
    jsonRoute({
      method: "POST",
      path: "/api/v1/tokens",
      id: "addToken",
      role: "admin",
      change: "token add",
      summary: "makes a token; its secret is told this once",
      body: NEW_TOKEN,
      answer: z.object({ token: TOKEN, secret: z.string() }),
      hasSecrets: true,
      handle: ({ body: { name, role, days }, caller, note }) => {
        note({ target: name, after: role });
        const lifetime = days === undefined ? {} : { lifetimeMs: days * DAY_MS };
        return tokens.add({ name, role, by: caller.name, ...lifetime });
      },
    }),
    jsonRoute({
      method: "DELETE",
      path: "/api/v1/tokens/{name}",
      id: "revokeToken",
      role: "admin",
      change: "token revoke",
      summary: "ends a token and its sessions at all servers",
      answer: TOKEN,
      handle: async ({ params: { name = "" }, note }) => {
        note({ target: name });
        const token = await tokens.revoke(name);
        note({ before: token.role });
        return token;
      },
    }),
  ];
}

function auditRoutes({ audit }: Keys): ApiRoute[] {
  return [
    jsonRoute({
      method: "GET",
      path: "/api/v1/audit",
      id: "listAudit",
      role: "admin",
      summary: "who has changed what, the newest first",
      query: z.strictObject(PAGE_QUERY),
      answer: pageOf(AUDIT_ROW),
      handle: ({ query: { limit, after } }) => audit.page(limit, after),
    }),
  ];
}
