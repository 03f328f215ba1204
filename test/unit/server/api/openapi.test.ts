/** The OpenAPI document: well-formed, true of every answer, and good for clients and for nonsense. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Validator } from "@seriousme/openapi-schema-validator";
import fc from "fast-check";
import { z } from "zod";
import type { OpenApi } from "../../../../src/server/api/openapi.ts";
import { type Answer, type ApiRack, apiRack } from "./api-rack.ts";
import { clientOf } from "./openapi-client.ts";
import { apiReference } from "./openapi-reference.ts";
import { arbitraryRequest } from "./openapi-requests.ts";

const DOC = join(dirname(fileURLToPath(import.meta.url)), "../../../../docs/api.md");
const FIRST_HEADING = "## Calls\n";

async function documentOf(rack: ApiRack): Promise<OpenApi> {
  return (await rack.askSocket({ path: "/api/v1/openapi.json" })).json as OpenApi;
}

test("the document is valid OpenAPI 3.1", async (t) => {
  const document = await documentOf(await apiRack(t));
  const result = await new Validator().validate(JSON.parse(JSON.stringify(document)));
  assert.deepEqual(result, { valid: true });
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  const ids = operations.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
});

test("docs/api.md ends with the calls of the document (UPDATE_GOLDEN=1 rewrites them)", async (t) => {
  const document = await documentOf(await apiRack(t));
  const [written = ""] = readFileSync(DOC, "utf8").split(FIRST_HEADING);
  const expected = `${written}${FIRST_HEADING}\n${apiReference(document)}`;
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(DOC, expected);
  assert.equal(readFileSync(DOC, "utf8"), expected);
});

/** What the document says of the answer to a GET. */
function answerSchema({ paths, components }: OpenApi, path: string): z.ZodType {
  const answer = paths[path]?.get?.responses["200"] as { content: Record<string, { schema: object }> } | undefined;
  const schema = answer?.content["application/json"]?.schema;
  assert.ok(schema, path);
  const text = JSON.stringify({ ...schema, $defs: components.schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll("#/components/schemas/", "#/$defs/")));
}

test("a client made from the document fetches every route, and each answer is as it says", async (t) => {
  const rack = await apiRack(t, {
    operations: {
      cluster: () => ({ servers: [], troubles: [], state: { state: "current", position: 1, outbox: 0 } }),
      unknown: { list: () => [{ mac: "52:54:00:00:00:09", first: 1, last: 2, times: 3 }], accept: async () => ({}) },
    },
  });
  for (const asking of ["firmware", "ipxe"])
    await rack.journal.append({ host: "cli128", stage: "dhcp", what: "offer", facts: { asking, mac: "m" } });
  const facts = { event: "first-boot", verdict: "verified", text: "as declared" };
  await rack.journal.append({ host: "cli128", stage: "verified", what: "report", facts });
  await rack.permits.issue("cli128");
  await rack.askSocket({ method: "DELETE", path: "/api/v1/hosts/cli129/permit" });
  await rack.audit.flush();
  const document = await documentOf(rack);
  const client = clientOf(document, (method, path) => rack.ask({ method, path, token: rack.secrets.admin }));
  const fetched: string[] = [];
  for (const [id, { path, isStream, get }] of client.gets) {
    if (isStream) continue;
    const { status, json } = await get({ host: "cli128" });
    assert.equal(status, 200, id);
    const checked = answerSchema(document, path)?.safeParse(json);
    assert.ok(
      checked?.success,
      `${id}: ${checked?.error && z.prettifyError(checked.error)} in ${JSON.stringify(json)}`,
    );
    fetched.push(id);
  }
  assert.equal(fetched.length, client.gets.size - 2);
});

test("requests at random are answered with what was done or what is wrong with them, never with 500", async (t) => {
  const rack = await apiRack(t);
  const document = await documentOf(rack);
  const statuses = new Map<number, number>();
  const check = async (answer: Answer, request: object) => {
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    assert.ok(answer.status < 500, `${answer.text} to ${JSON.stringify(request)}`);
    if (answer.status >= 400) assert.equal((answer.json as { status: number }).status, answer.status);
  };
  await fc.assert(
    fc.asyncProperty(arbitraryRequest(document, [...rack.site.hosts.keys()]), async (request) => {
      await check(await rack.askSocket(request), request);
    }),
    { numRuns: 1500 },
  );
  assert.ok((statuses.get(200) ?? 0) > 100, "some fit");
  assert.ok((statuses.get(400) ?? 0) > 100, "some do not");
});
