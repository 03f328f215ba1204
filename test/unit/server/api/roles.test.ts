/** Who may do what: every route, asked by everybody. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ROLES, type Role } from "../../../../src/cluster/tokens.ts";
import { type ApiRack, type Ask, apiRack } from "./api-rack.ts";

interface Case extends Ask {
  readonly role: Role;
}

/** The least role that may, as promised in docs/api.md: written down here once more, so that none is widened unseen. */
const CASES: readonly Case[] = [
  { role: "viewer", path: "/api/v1/status" },
  { role: "viewer", path: "/api/v1/hosts" },
  { role: "viewer", path: "/api/v1/hosts/cli128" },
  { role: "viewer", path: "/api/v1/hosts/cli128/boots" },
  { role: "viewer", path: "/api/v1/hosts/cli128/events" },
  { role: "viewer", path: "/api/v1/hosts/cli128/log" },
  { role: "viewer", path: "/api/v1/hosts/cli128/bond" },
  { role: "viewer", path: "/api/v1/hosts/cli128/plan" },
  { role: "viewer", path: "/api/v1/hosts/cli128/render?as=ifcfg" },
  { role: "admin", path: "/api/v1/hosts/cli128/render" },
  { role: "admin", path: "/api/v1/hosts/cli128/render?as=pxelinux" },
  { role: "admin", path: "/api/v1/hosts/cli128/stages" },
  { role: "operator", method: "POST", path: "/api/v1/hosts/cli128/permit", body: { replace: true } },
  { role: "operator", method: "DELETE", path: "/api/v1/hosts/cli128/permit" },
  { role: "viewer", path: "/api/v1/events" },
  { role: "viewer", path: "/api/v1/servers" },
  { role: "viewer", path: "/api/v1/unknown" },
  { role: "operator", method: "POST", path: "/api/v1/unknown/52:54:00:00:00:09/accept", body: { name: "new1" } },
  {
    role: "operator",
    method: "POST",
    path: "/api/v1/cluster/drain",
    body: { server: "server2", draining: true },
  },
  { role: "viewer", path: "/api/v1/trees" },
  { role: "viewer", path: "/api/v1/trees/plain/used" },
  { role: "operator", method: "POST", path: "/api/v1/trees/look" },
  { role: "viewer", path: "/api/v1/site" },
  { role: "admin", method: "PUT", path: "/api/v1/site", body: { text: "site: x", expected: 3 } },
  { role: "viewer", path: "/api/v1/session" },
  { role: "admin", path: "/api/v1/tokens" },
  { role: "admin", method: "POST", path: "/api/v1/tokens", body: { name: "more", role: "viewer" } },
  { role: "admin", method: "DELETE", path: "/api/v1/tokens/more" },
  { role: "admin", path: "/api/v1/audit" },
  { role: "viewer", path: "/api/v1/openapi.json" },
  { role: "viewer", path: "/metrics" },
];

async function rackOf(context: TestContext): Promise<ApiRack> {
  const metrics = async () => ({ contentType: "text/plain", body: "up 1\n" });
  return apiRack(context, { api: { metrics } });
}

function expectedStatus(role: Role | undefined, least: Role): number {
  if (role === undefined) return 401;
  return ROLES.indexOf(role) >= ROLES.indexOf(least) ? 200 : 403;
}

test(`${CASES.length * 4} cases: each route, asked by each role and by nobody`, async (t) => {
  const rack = await rackOf(t);
  for (const { role: least, ...ask } of CASES) {
    for (const role of [...ROLES, undefined]) {
      await preparePermit(rack, ask);
      const { status, json } = await rack.ask({ ...ask, token: role && rack.secrets[role] });
      const name = `${ask.method ?? "GET"} ${ask.path} by ${role ?? "nobody"}: ${status}`;
      assert.equal(status, expectedStatus(role, least), name);
      if (status >= 400) assert.equal((json as { status: number }).status, status, name);
    }
  }
});

/** One that can be taken back, whoever tries. */
async function preparePermit({ permits }: ApiRack, { method, path }: Ask): Promise<void> {
  if (method === "DELETE" && path.endsWith("permit")) await permits.issue("cli128", { replace: true });
}

test("the table has every route but those for anyone and the streams", async (t) => {
  const rack = await rackOf(t);
  const { paths } = (await rack.ask({ path: "/api/v1/openapi.json", token: rack.secrets.viewer })).json as {
    paths: Record<string, Record<string, { "x-role": string; responses: { 200: { content: object } } }>>;
  };
  const listed = CASES.map(({ method = "GET", path }) => `${method} ${path.split("?")[0]}`);
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const isStream = "text/event-stream" in operation.responses[200].content;
      // A site without etcd has no cluster.
      if (operation["x-role"] === "anyone" || isStream || path === "/api/v1/cluster") continue;
      const pattern = new RegExp(`^${method.toUpperCase()} ${path.replace(/\{\w+\}/g, "[^/]+")}$`);
      assert.ok(
        listed.some((each) => pattern.test(each)),
        `${method} ${path} is in no case`,
      );
    }
  }
});

test("a viewer changes nothing, whatever he sends", async (t) => {
  const rack = await rackOf(t);
  const before = JSON.stringify([...(await rack.store.list("")).filter(({ key }) => !key.startsWith("audit/"))]);
  // The hour of its use is noted.
  await rack.ask({ path: "/api/v1/session", token: rack.secrets.viewer });
  const used = JSON.stringify([...(await rack.store.list("")).filter(({ key }) => !key.startsWith("audit/"))]);
  assert.notEqual(used, before);
  for (const { role: _role, ...ask } of CASES) await rack.ask({ ...ask, token: rack.secrets.viewer });
  const after = JSON.stringify([...(await rack.store.list("")).filter(({ key }) => !key.startsWith("audit/"))]);
  assert.equal(after, used);
});

test("who comes by the control socket is an admin", async (t) => {
  const rack = await rackOf(t);
  for (const { role: _role, ...ask } of CASES) {
    await preparePermit(rack, ask);
    assert.equal((await rack.askSocket(ask)).status, 200, ask.path);
  }
});

test("nobody has the health check, and nothing else", async (t) => {
  const rack = await rackOf(t);
  assert.equal((await rack.ask({ path: "/healthz" })).text, "ok\n");
  for (const path of ["/", "/api", "/api/v1", "/api/v2/hosts", "/control.sock", "/.."])
    assert.equal((await rack.ask({ path })).status, 404, path);
});
