/** What must not be seen is not seen: a site with known secrets, and every answer to those who are no admins. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { redact } from "../../../../src/server/api/redact.ts";
import { exampleText, siteOf } from "../../../support/sites.ts";
import { type ApiRack, apiRack } from "./api-rack.ts";

const HASH = "$6$rounds=4096$saltsalt$KnownHashOfThePassword";
const TOKEN_IN_LOG = "0123456789abcdef0123456789abcdef";

async function rackOf(t: Parameters<typeof apiRack>[0]): Promise<ApiRack> {
  const text = exampleText("pair").replace(/"\$6\$[^"]*"/, `"${HASH}"`);
  const log = async () => [`wget http://s/report/${TOKEN_IN_LOG}/done`, `preseed/password ${HASH}`, `'!${HASH}'`];
  const site = siteOf(text);
  const sites = {
    report: () => ({ site: site.name, server: "server1", number: 1, revision: site.revision, text, servers: [] }),
    apply: async () => ({ number: 2, revision: "0" }),
  };
  return apiRack(t, { site, operations: { log, sites } });
}

/** All that a caller can read, with what he may not. */
async function everything(rack: ApiRack, token: string): Promise<Map<string, string>> {
  const { paths } = (await rack.askSocket({ path: "/api/v1/openapi.json" })).json as {
    paths: Record<string, Record<string, { responses: { "200": { content: object } } }>>;
  };
  const answers = new Map<string, string>();
  const gets = Object.entries(paths).filter(
    ([, { get }]) => get && !("text/event-stream" in get.responses[200].content),
  );
  for (const [path] of gets) {
    for (const query of path.endsWith("/render") ? ["", "?as=ifcfg", "?as=ipxe", "?as=grub"] : [""]) {
      const asked = path.replace("{host}", "cli128") + query;
      answers.set(asked, (await rack.ask({ path: asked, token })).text);
    }
  }
  return answers;
}

test("no answer to a viewer or an operator holds a hash, a permit's token, an API token or an answer file", async (t) => {
  const rack = await rackOf(t);
  const permit = await rack.permits.issue("cli128");
  const facts = { path: `boot/${permit.token}/answer`, text: `told ${permit.token}-0a1b2c3d and ${HASH}` };
  await rack.journal.append({ host: "cli128", stage: "answer", what: "note", facts });
  const secrets = [HASH, "KnownHash", permit.token, TOKEN_IN_LOG, "rootpw", ...Object.values(rack.secrets)];
  for (const role of ["viewer", "operator"] as const) {
    for (const [path, text] of await everything(rack, rack.secrets[role])) {
      assert.ok(text.length > 0, path);
      for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} in ${path} to ${role}`);
    }
  }
});

test("an admin sees answer files and the site file; even to him no token of a permit or of the API is shown", async (t) => {
  const rack = await rackOf(t);
  const permit = await rack.permits.issue("cli128");
  const answers = await everything(rack, rack.secrets.admin);
  assert.match(answers.get("/api/v1/hosts/cli128/render") ?? "", /KnownHashOfThePassword/);
  assert.match(answers.get("/api/v1/site") ?? "", /KnownHashOfThePassword/);
  for (const [path, text] of answers)
    for (const secret of [permit.token, ...Object.values(rack.secrets)]) assert.ok(!text.includes(secret), path);
});

test("live views hold no secrets", async (t) => {
  const rack = await rackOf(t);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const headers = { authorization: `Bearer ${rack.secrets.viewer}` };
  const response = await fetch(`${rack.url}/api/v1/events/stream?after=0`, { headers, signal: stop.signal });
  const facts = { text: `told ${TOKEN_IN_LOG} ${HASH} end-of-note` };
  await rack.journal.append({ host: "cli128", stage: "answer", what: "note", facts });
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes("end-of-note")) break;
  }
  assert.match(text, /told \[hidden\] \[hidden\] end-of-note/);
});

test("hashes and tokens are blanked, and what looks a little like them is not", () => {
  for (const secret of [HASH, "$y$j9T$abc$defgh", "$1$salt$abcdefgh", `eb_a_${"a2".repeat(16)}`, TOKEN_IN_LOG])
    assert.equal(redact(JSON.stringify({ text: `x ${secret} y` })), '{"text":"x [hidden] y"}');
  for (const text of ["a".repeat(64), "0a1b2c3d", "$1", "costs $5 or $6", "eb_a_short", `${"0".repeat(33)}`])
    assert.equal(redact(JSON.stringify(text)), JSON.stringify(text));
});
