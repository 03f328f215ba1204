/** `everboot token` and `everboot audit`, against an API in memory. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { type TestContext, test } from "node:test";
import { auditCommand } from "../../../src/cli/audit.ts";
import type { Command, Io } from "../../../src/cli/command.ts";
import { tokenCommand } from "../../../src/cli/token.ts";
import { apiRack } from "../server/api/api-rack.ts";

async function shell(t: TestContext) {
  const rack = await apiRack(t);
  const run = async (command: Command, ...args: readonly string[]) => {
    const [out, err]: [string[], string[]] = [[], []];
    const io = {
      ...{ out: (line: string) => void out.push(line), err: (line: string) => void err.push(line), write: () => {} },
      ...{ cwd: "/", env: {}, signal: new AbortController().signal, terminal: false, columns: 80 },
    } satisfies Io;
    const code = await command.run([...args, "--state", dirname(rack.socket)], io);
    return { code, out, err };
  };
  return { rack, run };
}

test("a token is made, listed without its secret, and revoked", async (t) => {
  const { rack, run } = await shell(t);
  const made = await run(tokenCommand, "add", "anna", "--role", "operator", "--days", "90");
  assert.equal(made.code, 0);
  const [secret = ""] = made.out;
  assert.match(secret, /^eb_o_/);
  assert.match(made.err.join(), /^token anna, role operator, until \d{4}-\d\d-\d\d; this is shown once:$/);
  assert.equal(rack.tokens.find(secret)?.role, "operator");
  const listed = (await run(tokenCommand, "list")).out;
  assert.equal(listed.length, 4);
  assert.match(listed.at(-1) ?? "", /^anna +operator +made \S+ by control socket +until \S+ +(used|never used)/);
  assert.ok(!listed.join().includes(secret));
  await run(tokenCommand, "revoke", "anna");
  assert.equal(rack.tokens.find(secret), undefined);
  await assert.rejects(run(tokenCommand, "revoke", "anna"), { code: "token-unknown" });
});

test("what is no token is told in one line", async (t) => {
  const { run } = await shell(t);
  const wrong = [
    [],
    ["add", "anna"],
    ["add", "--role", "viewer"],
    ["list", "anna"],
    ["revoke"],
    ["add", "a:b", "--role", "viewer"],
    ["add", "anna", "--role", "root"],
    ["add", "anna", "--role", "viewer", "--days", "soon"],
  ];
  for (const args of wrong) await assert.rejects(run(tokenCommand, ...args), { code: "usage" }, args.join(" "));
});

test("the audit log is told oldest first", async (t) => {
  const { rack, run } = await shell(t);
  await run(tokenCommand, "add", "anna", "--role", "viewer");
  await assert.rejects(run(tokenCommand, "add", "anna", "--role", "viewer"), { code: "token-exists" });
  await rack.audit.flush();
  const { out } = await run(auditCommand);
  assert.deepEqual(
    out.map((line) => line.replace(/^\S+ +/, "").replace(/ +/g, " ")),
    ["control socket token add anna viewer", "control socket token add anna viewer; refused: token-exists"],
  );
  assert.equal((await run(auditCommand, "-n", "1", "--json")).out.length, 1);
  await assert.rejects(run(auditCommand, "-n", "0"), { code: "usage" });
});
