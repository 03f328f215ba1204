/** `everboot unknown` and `everboot accept` against a daemon that is played: what they ask, print, write and return. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { createAcceptCommand } from "../../../src/cli/accept.ts";
import type { Command } from "../../../src/cli/command.ts";
import { createUnknownCommand } from "../../../src/cli/unknown.ts";
import type { UnknownMachine } from "../../../src/cluster/unknown.ts";
import { acceptMachine } from "../../../src/cluster/unknown-accept.ts";
import { exampleText } from "../../support/sites.ts";

const NOW = Date.UTC(2026, 0, 1);
const MACHINE: UnknownMachine = {
  ...{ mac: "52:54:00:00:00:99" as Mac, first: NOW - 9000, last: NOW - 5000, times: 4, server: "one" },
  ...{ interface: "br0", subnet: "192.168.77.0/24", arch: "amd64", firmware: "uefi" },
  uuid: "03020100-0504-0706-0809-0a0b0c0d0e0f",
};
const BEFORE = exampleText("single");
const DIFF = [
  "        address: 192.168.77.102",
  "        profile: plain",
  "  +   vm3:",
  '  +     nics: ["52:54:00:00:00:99"]',
  "  +     address: 192.168.77.151",
  "  +     profile: plain",
];

/** One server; how manyth site file it serves `late` looks after it was applied. */
async function playDaemon(context: TestContext, items: readonly UnknownMachine[], text = BEFORE, late = 2) {
  const folder = mkdtempSync(join(tmpdir(), "everboot-accept-"));
  mkdirSync(join(folder, "state"));
  const daemon = { folder, applied: { number: 3, text }, served: 3, looks: 0, accepted: [] as unknown[] };
  const site = () => {
    if (daemon.served < daemon.applied.number && ++daemon.looks > late) daemon.served = daemon.applied.number;
    const serves = { revision: `r${daemon.served}`, number: daemon.served };
    const servers = [{ name: "one", alive: true, serves }];
    return { site: "s", server: "one", revision: `r${daemon.applied.number}`, ...daemon.applied, servers };
  };
  const accept = async (request: IncomingMessage) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    daemon.accepted.push([request.url, body]);
    const { text: edited } = acceptMachine(daemon.applied.text, MACHINE, body);
    daemon.applied = { number: daemon.applied.number + 1, text: edited };
    return { host: body.name, mac: MACHINE.mac, ...body, number: daemon.applied.number };
  };
  const server = createServer(async (request, response) => {
    const answer =
      request.method === "POST" ? await accept(request) : request.url === "/api/v1/site" ? site() : { items };
    response.end(JSON.stringify(answer));
  }).listen(join(folder, "state/control.sock"));
  await once(server, "listening");
  context.after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  return daemon;
}

async function call(command: Command, cwd: string, ...args: string[]) {
  const out: string[] = [];
  const line = (text: string) => void out.push(text);
  const io = { out: line, err: line, write: line, cwd, env: {}, signal: new AbortController().signal };
  const code = await command.run([...args, "--state", "state"], { ...io, terminal: true, columns: 80 });
  return { code, out };
}

function acceptWith(answer: boolean | undefined) {
  return createAcceptCommand({ clock: systemClock, confirm: async () => answer });
}

const unknownCommand = createUnknownCommand({ ...systemClock, now: () => NOW });

test("the list tells where and what each machine is, and is fit for a terminal", async (t) => {
  const fetched: UnknownMachine = {
    ...{ mac: "52:54:00:00:00:98" as Mac, first: NOW, last: NOW, times: 1, server: "one", interface: "" },
    ...{ vendor: "bad\u001b[2J", address: "192.168.77.200" as Ipv4 },
  };
  const { folder } = await playDaemon(t, [fetched, MACHINE]);
  const { out } = await call(unknownCommand, folder);
  assert.equal(out.length, 3);
  assert.match(out[0] ?? "", /^MAC +SEEN +TIMES +MACHINE +AT +ADDRESS +VENDOR +UUID$/);
  assert.match(out[1] ?? "", /^52:54:00:00:00:98 +now +1 +- +- +192\.168\.77\.200 +bad\P{Cc}* +-$/u);
  assert.match(out[2] ?? "", /^52:54:00:00:00:99 +5 s ago +4 +amd64 uefi +br0 192\.168\.77\.0\/24 +- +- +0302\S+$/);
  assert.deepEqual(JSON.parse((await call(unknownCommand, folder, "--json")).out.join("")).items[1], MACHINE);
});

test("nobody has asked", async (t) => {
  const { folder } = await playDaemon(t, []);
  assert.deepEqual((await call(unknownCommand, folder)).out, ["no unknown machine has asked"]);
});

test("what it changes is shown, a yes applies it, and the operator's own file keeps up", async (t) => {
  const daemon = await playDaemon(t, [MACHINE]);
  const own = join(daemon.folder, "site.yaml");
  writeFileSync(own, BEFORE);
  const { code, out } = await call(acceptWith(true), daemon.folder, "52-54-00-00-00-99", "--as", "vm3");
  assert.deepEqual(out, [
    "52:54:00:00:00:99 becomes host vm3: 192.168.77.151, profile plain",
    ...DIFF,
    "applied as revision 4",
    "one serves revision 4",
    "site.yaml has it too",
  ]);
  const body = { name: "vm3", profile: "plain", address: "192.168.77.151" };
  assert.deepEqual(daemon.accepted, [["/api/v1/unknown/52:54:00:00:00:99/accept", body]]);
  assert.equal(readFileSync(own, "utf8"), daemon.applied.text);
  assert.equal(code, 0);
});

test("a file that is not what was applied is left alone, and it is said", async (t) => {
  const daemon = await playDaemon(t, [MACHINE]);
  const own = join(daemon.folder, "mine.yaml");
  writeFileSync(own, `${BEFORE}# newer\n`);
  const args = ["52:54:00:00:00:99", "--as", "vm3", "--yes", "-c", "mine.yaml", "--address", "192.168.77.9"];
  const { out } = await call(acceptWith(undefined), daemon.folder, ...args);
  assert.equal(out.at(-1), "mine.yaml is left as it is, as it is not what was applied: add the host there too");
  assert.equal(readFileSync(own, "utf8"), `${BEFORE}# newer\n`);
  assert.match(daemon.applied.text, /address: 192\.168\.77\.9\n/);
});

test("no, nobody there, an unheard machine and no name: nothing is applied", async (t) => {
  const daemon = await playDaemon(t, [MACHINE]);
  const args = [MACHINE.mac, "--as", "vm3"];
  const no = await call(acceptWith(false), daemon.folder, ...args);
  assert.deepEqual([no.code, no.out.at(-1)], [1, "not accepted"]);
  const run = (confirm: boolean | undefined, ...given: string[]) => call(acceptWith(confirm), daemon.folder, ...given);
  await assert.rejects(run(undefined, ...args), { code: "usage", message: "nobody is here to be asked: add --yes" });
  await assert.rejects(run(true, ...args, "--json"), { code: "usage" });
  await assert.rejects(run(true, "52:54:00:00:00:97", "--as", "vm3"), { code: "unknown-machine" });
  await assert.rejects(run(true, MACHINE.mac), { code: "usage", message: "name the host that it becomes: --as NAME" });
  await assert.rejects(run(true, MACHINE.mac, "--as", "vm1"), { code: "host-exists" });
  assert.deepEqual([daemon.accepted, daemon.applied.number], [[], 3]);
});

test("JSON is one object", async (t) => {
  const daemon = await playDaemon(t, [MACHINE]);
  const { out } = await call(acceptWith(undefined), daemon.folder, MACHINE.mac, "--as", "vm3", "--yes", "--json");
  const answer = JSON.parse(out.join(""));
  assert.deepEqual([answer.host, answer.address, answer.number], ["vm3", "192.168.77.151", 4]);
  assert.deepEqual(answer.servers, [{ name: "one", alive: true, serves: { revision: "r4", number: 4 } }]);
});
