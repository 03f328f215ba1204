/** The control API: what commands ask of the daemon, over the control socket in the state folder. */
import { chmod, rm } from "node:fs/promises";
import Fastify, { type FastifyInstance } from "fastify";
import { z } from "zod";
import { EverbootError, errorKind, errorText } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Server } from "../server.ts";

/** What the daemon can be asked. Answers are JSON as the commands print it with `--json`. */
export interface Operations {
  status(): Promise<unknown>;
  host(name: string): Promise<unknown>;
  /** The servers of the site and the common state, as this server sees them. */
  cluster(): Promise<unknown>;
  /** Takes a server out of service, or back into it. */
  drain(request: DrainRequest): Promise<unknown>;
  /** The site file that is applied, and who serves it. */
  site(): Promise<unknown>;
  /** Applies another site file to all servers. */
  apply(request: ApplyRequest): Promise<unknown>;
  /** Issues a permit; `minutes` until it expires. */
  install(name: string, options: InstallOptions): Promise<unknown>;
  cancel(name: string): Promise<unknown>;
  plan(name: string, machine: MachineQuery): Promise<unknown>;
  render(name: string, format: string): Promise<unknown>;
  /** What the host meets at each stage; none for a host that this site file has not. */
  stages(name: string): Promise<unknown>;
}

const INSTALL_OPTIONS = z.strictObject({
  minutes: z
    .number()
    .int()
    .min(1)
    .max(7 * 24 * 60)
    .optional(),
  replace: z.boolean().optional(),
});
export type InstallOptions = z.infer<typeof INSTALL_OPTIONS>;

const MACHINE_QUERY = z.strictObject({
  arch: z.enum(["amd64", "arm64", "i386"]).default("amd64"),
  firmware: z.enum(["bios", "uefi"]).default("bios"),
});
export type MachineQuery = z.infer<typeof MACHINE_QUERY>;

/** `expected`: number of the applied site file that the new one follows; 0 = none. */
const APPLY_REQUEST = z.strictObject({ text: z.string(), expected: z.number().int().min(0) });
export type ApplyRequest = z.infer<typeof APPLY_REQUEST>;
/** Bytes of a site file's text, as JSON: 100,000 hosts take a sixth of it. */
const LARGEST_SITE = 64 << 20;

const DRAIN_REQUEST = z.strictObject({ server: z.string(), draining: z.boolean() });
export type DrainRequest = z.infer<typeof DRAIN_REQUEST>;

const RENDER_QUERY = z.strictObject({ as: z.string().default("answer") });

const PERMIT_PATH = "/api/v1/hosts/:host/permit";

export function createApiServer(options: {
  readonly socket: string;
  /** Asked at each call: another revision of the site file has others. */
  readonly operations: () => Operations;
  readonly log: Log;
}): Server {
  const { socket, operations, log } = options;
  const app = Fastify({ logger: false });
  addRoutes(app, operations);
  addErrors(app, log);
  return {
    name: "api",
    start: async () => {
      await rm(socket, { force: true });
      await app.listen({ path: socket });
      await chmod(socket, 0o600);
    },
    stop: () => app.close(),
    counters: () => ({}),
  };
}

function addRoutes(app: FastifyInstance, operations: () => Operations): void {
  app.get("/api/v1/status", () => operations().status());
  app.get("/api/v1/cluster", () => operations().cluster());
  app.post("/api/v1/cluster/drain", (request) => operations().drain(parse(DRAIN_REQUEST, request.body)));
  app.get("/api/v1/site", () => operations().site());
  app.put("/api/v1/site", { bodyLimit: LARGEST_SITE }, (request) =>
    operations().apply(parse(APPLY_REQUEST, request.body)),
  );
  app.get("/api/v1/hosts/:host", (request) => operations().host(hostOf(request.params)));
  app.post(PERMIT_PATH, (request) =>
    operations().install(hostOf(request.params), parse(INSTALL_OPTIONS, request.body ?? {})),
  );
  app.delete(PERMIT_PATH, (request) => operations().cancel(hostOf(request.params)));
  app.get("/api/v1/hosts/:host/plan", (request) =>
    operations().plan(hostOf(request.params), parse(MACHINE_QUERY, request.query)),
  );
  app.get("/api/v1/hosts/:host/render", (request) =>
    operations().render(hostOf(request.params), parse(RENDER_QUERY, request.query).as),
  );
  app.get("/api/v1/hosts/:host/stages", (request) => operations().stages(hostOf(request.params)));
}

function addErrors(app: FastifyInstance, log: Log): void {
  app.setErrorHandler((error, request, reply) => {
    const known = error instanceof EverbootError;
    if (!known) log.error({ error, url: request.url }, "a request of the control API failed");
    const code = known ? error.code : "internal";
    const text = known ? error.message : errorText(code);
    return reply.code(errorKind(code).status).send({ code, text, exit: errorKind(code).exit });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ code: "usage", text: "the daemon does not know this call: its version differs", exit: 2 }),
  );
}

function hostOf(params: unknown): string {
  return parse(z.object({ host: z.string() }), params).host;
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new EverbootError("usage", { what: z.prettifyError(result.error).split("\n").join(" ") });
}
