import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ErrorCode, EverbootError } from "../../../src/base/errors.ts";
import { checkTreeFiles, createCheckCommand } from "../../../src/cli/check.ts";
import type { Command } from "../../../src/cli/command.ts";
import { readSiteFile, requireSite } from "../../../src/cli/site-file.ts";
import { exampleText } from "../../support/sites.ts";

/** A folder that holds the given files for the time of the test. */
async function folderWith(context: TestContext, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "everboot-check-"));
  context.after(() => rm(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

async function run(cwd: string, args: readonly string[], command: Command = createCheckCommand([checkTreeFiles])) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await command.run(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    write: (text) => out.push(text),
    cwd,
    env: {},
    signal: new AbortController().signal,
    terminal: false,
    columns: 80,
  });
  return { code, out, err };
}

function isError(code: ErrorCode, message: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof EverbootError);
    assert.deepEqual([error.code, error.message], [code, message]);
    return true;
  };
}

/** What both examples are told of their one bond, which is well. */
const HINT =
  "miimon sees the cable to the switch only: when the switch's uplink fails, the bond believes all is well, for more, use `arp_interval: 1000` with the router in `arp_ip_target`";
const SINGLE_HINT = `site.yaml:23:33: hint: bond of vm1: ${HINT}`;
const PAIR_HINT = `site.yaml:52:33: hint: bond of fileserver: ${HINT}`;

test("a site that is well is told in one line", async (context) => {
  const cwd = await folderWith(context, { "site.yaml": exampleText("single") });
  await mkdir(join(cwd, "trees/debian-12"), { recursive: true });
  const line = "site.yaml: well: 1 server, 1 subnet, 2 hosts, 1 profile, 1 tree";
  assert.deepEqual(await run(cwd, []), { code: 0, out: [line], err: [SINGLE_HINT] });
});

test("a tree that is not there yet is a warning at its place", async (context) => {
  const cwd = await folderWith(context, { "site.yaml": exampleText("single") });
  const { code, err } = await run(cwd, ["-c", "site.yaml"]);
  const todo = "take it in with `everboot import ... --as debian-12`";
  assert.deepEqual(err, [
    `site.yaml:14:56: warning: tree debian-12: folder ${cwd}/trees/debian-12 is not there yet, ${todo}`,
    SINGLE_HINT,
  ]);
  assert.equal(code, 0);
});

test("a mirrored tree needs no folder, but its keyring", async (context) => {
  const path = "path: ./trees/debian-12";
  const text = exampleText("single").replace(path, `${path}, upstream: apt, keyring: own.gpg`);
  const cwd = await folderWith(context, { "site.yaml": text });
  const { code, err } = await run(cwd, []);
  assert.deepEqual(err, [
    `site.yaml:14:99: warning: tree debian-12: keyring ${cwd}/own.gpg is not there, put it there`,
    SINGLE_HINT,
  ]);
  assert.equal(code, 0);
});

test("all problems, in the order of the file; exit code 1", async (context) => {
  const text = exampleText("single")
    .replace("profile: plain", "profil: plain")
    .replace("mode: active-backup", "mode: 9");
  const cwd = await folderWith(context, { "other.yaml": text });
  assert.deepEqual(await run(cwd, ["-c", "other.yaml"]), {
    code: 1,
    out: [],
    err: [
      "other.yaml:20:3: `profile` is missing, add it",
      'other.yaml:23:18: `mode` cannot be "9", write one of balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb, 0, 1, 2, 3, 4, 5, 6, none',
      'other.yaml:24:5: unknown key "profil", did you mean profile?',
    ],
  });
});

test("--json tells the same", async (context) => {
  const broken = exampleText("single").replace("site: home\n", "");
  const cwd = await folderWith(context, { "site.yaml": exampleText("pair"), "broken.yaml": broken });
  const well = await run(cwd, ["--json"], createCheckCommand([]));
  const answer = JSON.parse(well.out.join("\n"));
  assert.deepEqual([well.code, well.err, answer.well, answer.site], [0, [], true, "rh9"]);
  assert.deepEqual(
    answer.problems.map(({ severity }: { severity: string }) => severity),
    ["hint", "hint"],
  );
  assert.deepEqual(answer.counts, { servers: 2, subnets: 1, hosts: 3, profiles: 1, trees: 2 });
  const ill = await run(cwd, ["--json", "-c", "broken.yaml"]);
  const problem = { line: 2, column: 1, what: "`site` is missing", todo: "add it", severity: "error" };
  assert.deepEqual(JSON.parse(ill.out.join("\n")), { file: "broken.yaml", well: false, problems: [problem] });
  assert.equal(ill.code, 1);
});

test("--json-schema needs no site file", async (context) => {
  const { code, out } = await run(await folderWith(context, {}), ["--json-schema"]);
  assert.equal(JSON.parse(out.join("\n")).title, "Everboot site file");
  assert.equal(code, 0);
});

test("checks of the world are told as warnings, among the others by line", async (context) => {
  const cwd = await folderWith(context, { "site.yaml": exampleText("pair").replace("parity", "rendezvous") });
  const command = createCheckCommand([async () => [{ path: ["servers", "server2"], at: "key", what: "it rains" }]]);
  const { code, err } = await run(cwd, [], command);
  assert.equal(code, 0);
  assert.deepEqual(
    err.map((line) => line.slice(0, 35)),
    [
      "site.yaml:20:5: warning: `serves` h",
      "site.yaml:21:3: warning: it rains",
      "site.yaml:26:5: warning: `serves` h",
      "site.yaml:27:15: hint: 2 members of",
      PAIR_HINT.slice(0, 35),
    ],
  );
});

test("misuse is an error of one line", async (context) => {
  const cwd = await folderWith(context, {});
  const usage = (error: unknown) =>
    error instanceof EverbootError && error.code === "usage" && !/\n/.test(error.message);
  await assert.rejects(run(cwd, ["--jsn"]), usage);
  await assert.rejects(run(cwd, ["site.yaml"]), usage);
  await assert.rejects(run(cwd, ["-c"]), usage);
});

test("a site file that cannot be read", async (context) => {
  const cwd = await folderWith(context, { "latin1.yaml": Uint8Array.of(0xe4, 0xf6) });
  const todo = "name the site file with -c";
  const rejects = (named: string, reason: string) =>
    assert.rejects(
      readSiteFile(named, cwd),
      isError("site-unreadable", `${named}: cannot be read (${reason}): ${todo}`),
    );
  await rejects("none.yaml", "no such file");
  await rejects(".", "it is a folder");
  await rejects("latin1.yaml", "not UTF-8 text");
});

test("without a name the usual ones are tried in turn", async (context) => {
  const cwd = await folderWith(context, { "everboot.yaml": "second" });
  assert.deepEqual(await readSiteFile(undefined, cwd), {
    name: "everboot.yaml",
    path: join(cwd, "everboot.yaml"),
    text: "second",
  });
  await writeFile(join(cwd, "site.yaml"), "first");
  assert.equal((await readSiteFile(undefined, cwd)).text, "first");
});

test("commands that need a site get it, or the problems and an error", async (context) => {
  const broken = exampleText("single").replace("site: home\n", "").replace("dhcp: auth", "dhcp: out");
  const cwd = await folderWith(context, { "site.yaml": exampleText("single"), "broken.yaml": broken });
  const err: string[] = [];
  const io = { cwd, err: (line: string) => err.push(line) };
  assert.equal((await requireSite(undefined, io)).site.hosts.size, 2);
  await assert.rejects(
    requireSite("broken.yaml", io),
    isError("site-invalid", "broken.yaml has 2 problem(s): run `everboot check -c broken.yaml`"),
  );
  assert.deepEqual(err, [
    "broken.yaml:2:1: `site` is missing, add it",
    'broken.yaml:8:11: `dhcp` cannot be "outoritative", did you mean authoritative?',
  ]);
});
