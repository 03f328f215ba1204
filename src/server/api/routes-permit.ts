/** `/api/v1/hosts/{host}/permit`: leave to install a machine, given and taken back. */
import { z } from "zod";
import type { ApiContext } from "./context.ts";
import type { PermitAnswer } from "./operations.ts";
import { type ApiRoute, jsonRoute } from "./route.ts";
import { PERMIT } from "./shapes.ts";

const PATH = "/api/v1/hosts/{host}/permit";

const INSTALL_REQUEST = z.strictObject({
  minutes: z
    .number()
    .int()
    .min(1)
    .max(7 * 24 * 60)
    .exactOptional()
    .describe("Until the permit expires, if it is not started; left out: 240."),
  replace: z.boolean().exactOptional().describe("Take back a permit that is open."),
});
type InstallRequest = z.infer<typeof INSTALL_REQUEST>;

const HEADERS = {
  "idempotency-key":
    "The same for each try of one request: it is then done once, and an open permit of the same lifetime is an answer.",
};

export function permitRoutes(context: ApiContext): ApiRoute[] {
  const { operations } = context;
  const stateOf = (host: string) => operations().moment(host).summary.state;
  return [
    jsonRoute({
      method: "POST",
      path: PATH,
      id: "issuePermit",
      role: "operator",
      change: "permit",
      summary: "issues a permit: at its next network boot the host is installed",
      headers: HEADERS,
      body: INSTALL_REQUEST,
      answer: PERMIT,
      handle: async ({ params: { host = "" }, body, header, note }) => {
        note({ target: host, before: stateOf(host) });
        const permit = await issue(context, host, body, header("idempotency-key"));
        note({ after: shown(permit) });
        return permit;
      },
    }),
    jsonRoute({
      method: "DELETE",
      path: PATH,
      id: "cancelPermit",
      role: "operator",
      change: "cancel",
      summary: "takes the host's permit back: it boots from its disk",
      answer: PERMIT,
      handle: async ({ params: { host = "" }, note }) => {
        note({ target: host, before: stateOf(host) });
        const permit = await operations().cancel(host);
        note({ after: shown(permit) });
        return permit;
      },
    }),
  ];
}

function issue({ operations, given }: ApiContext, host: string, request: InstallRequest, key: string | undefined) {
  if (key === undefined) return operations().install(host, request);
  // Another server may have been asked by the same key: what it issued is open here too.
  const once = () => operations().install(host, { ...request, again: true });
  return given.once(key, JSON.stringify([host, request]), once);
}

function shown({ id, expires }: PermitAnswer): string {
  return `permit ${id} until ${new Date(expires).toISOString()}`;
}
