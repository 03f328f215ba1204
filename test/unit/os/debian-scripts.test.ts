import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { aptGetScript, baseScript, reportScript } from "../../../src/os/debian-scripts.ts";
import { Stage } from "./debian-stage.ts";

const noWget = spawnSync("wget", ["--version"]).error ? "needs the program wget" : false;
/** The port of the discard service, which no machine of these days has. */
const NOBODY = "http://127.0.0.1:9/report/t";

/** Answers with each status in turn, then with the last one for ever; keeps what was posted. */
async function reportServer(t: TestContext, ...statuses: number[]) {
  const posts: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      response.statusCode = statuses[Math.min(posts.length, statuses.length - 1)] ?? 200;
      posts.push(`${request.method} ${request.url} ${body}`);
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posts };
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, "exit");
  return code;
}

/** Its pauses are cut to a tenth of a second. */
function report(t: TestContext, urls: readonly string[], ...args: string[]): Promise<number | null> {
  const stage = new Stage(t);
  stage.program("sleep", "exec /bin/sleep 0.1");
  return exitCode(
    spawn("sh", ["-c", reportScript(urls), "report", ...args], { stdio: "ignore", env: stage.environment }),
  );
}

test("a report is posted with its text, again and again until the server takes it", { skip: noWget }, async (t) => {
  const server = await reportServer(t, 500, 503, 200);
  assert.equal(await report(t, [`${server.url}/report/t`], "failed", "60", "no disk & more"), 0);
  assert.deepEqual(server.posts, Array(3).fill("POST /report/t/failed no disk & more"));
});

test("a report that the server refuses is given up at once", { skip: noWget }, async (t) => {
  const server = await reportServer(t, 403);
  assert.equal(await report(t, [`${server.url}/report/t`], "partition", "0"), 8);
  assert.equal(server.posts.length, 1);
});

test("a report without a server is given up after its time", { skip: noWget }, async (t) => {
  assert.equal(await report(t, [NOBODY], "post", "1"), 1);
});

test("the next server is told when the first does not answer", { skip: noWget }, async (t) => {
  const server = await reportServer(t, 200);
  assert.equal(await report(t, [NOBODY, `${server.url}/report/t`], "done", "60"), 0);
  assert.deepEqual(server.posts, ["POST /report/t/done "]);
});

test("no other server is asked when one has refused", { skip: noWget }, async (t) => {
  const [first, second] = [await reportServer(t, 403), await reportServer(t, 200)];
  assert.equal(await report(t, [`${first.url}/report/t`, `${second.url}/report/t`], "partition", "0"), 8);
  assert.deepEqual(second.posts, []);
});

/** Stand-ins that take one line of `plan` for each call: the exit code. After the last line they succeed. */
function aptStage(t: TestContext, plan: { apt: readonly number[]; server: readonly number[] }): Stage {
  const stage = new Stage(t);
  const next = (file: string) =>
    `code=$(head -n 1 ${stage.root}/${file}); sed -i 1d ${stage.root}/${file}; exit "\${code:-0}"`;
  stage.write("apt-plan", plan.apt.map((code) => `${code}\n`).join(""));
  stage.write("server-plan", plan.server.map((code) => `${code}\n`).join(""));
  stage.program("usr/bin/apt-get.real", next("apt-plan"));
  stage.program("usr/lib/apt/apt-helper", next("server-plan"));
  stage.program("sleep", ":");
  stage.write("tmp/.keep", "");
  return stage;
}

const APT_GET = aptGetScript(["http://192.168.77.1/trees/debian-12"], "bookworm");
const callsOf = (stage: Stage, program: string) => stage.calls().filter((call) => call.startsWith(program));

test("apt-get is run again with the same words when the server is back", (t) => {
  const stage = aptStage(t, { apt: [100, 100], server: [100, 100, 100, 0, 100, 0] });
  assert.equal(stage.run(APT_GET, "-y", "install", "a package"), 0);
  assert.deepEqual(callsOf(stage, "apt-get.real"), Array(3).fill("apt-get.real -y install a package"));
  assert.equal(callsOf(stage, "sleep 5").length, 2);
});

test("apt-get that fails while the server answers is run once more, then believed", (t) => {
  const stage = aptStage(t, { apt: [100, 100, 100], server: [] });
  assert.equal(stage.run(APT_GET, "update"), 100);
  assert.equal(callsOf(stage, "apt-get.real").length, 2);
});

test("apt-get that fails for another reason is not run again", (t) => {
  const stage = aptStage(t, { apt: [2], server: [] });
  assert.equal(stage.run(APT_GET, "bogus"), 2);
  assert.deepEqual(callsOf(stage, "apt-helper"), []);
});

test("apt-get gives up after half an hour without a server", (t) => {
  const stage = aptStage(t, { apt: [100], server: [] });
  stage.program("usr/lib/apt/apt-helper", "exit 100");
  assert.equal(stage.run(APT_GET, "update"), 100);
  assert.equal(callsOf(stage, "sleep 5").length, 359);
});

test("apt-get turns to another server that answers, and stays with it", (t) => {
  const [one, two] = ["http://192.168.77.1/trees/t", "http://192.168.77.2:8080/trees/t"];
  const script = aptGetScript([one, two], "bookworm");
  // The first server is asked twice and silent, then the second answers.
  const stage = aptStage(t, { apt: [100], server: [100, 100, 0] });
  stage.write("etc/apt/sources.list", `deb ${one} bookworm main\n`);
  stage.write("tmp/tmp.draft", `deb ${one}/ bookworm main\n`);
  assert.equal(stage.run(script, "install", "vim"), 0);
  for (const list of ["etc/apt/sources.list", "tmp/tmp.draft"]) {
    assert.equal(stage.read(list), `deb ${two} bookworm main\n`);
  }
  const runs = ["apt-get.real install vim", "apt-get.real -q update", "apt-get.real install vim"];
  assert.deepEqual(callsOf(stage, "apt-get.real"), runs);
  stage.write("apt-plan", "100\n");
  assert.equal(stage.run(script, "install", "vim"), 0);
  assert.match(callsOf(stage, "apt-helper").at(-1) ?? "", / http:\/\/192\.168\.77\.2:8080\/trees\/t\/dists/);
});

test("an install is tried with each server again and again while none answers", (t) => {
  const stage = aptStage(t, { apt: [100], server: Array(5).fill(100) });
  const trees = ["http://192.168.77.1/trees/t", "http://192.168.77.2/trees/t"];
  assert.equal(stage.run(aptGetScript(trees, "bookworm"), "update"), 0);
  assert.equal(callsOf(stage, "sleep 5").length, 2);
});

test("apt of the target is told of FTP only if it is to use it", (t) => {
  const stage = new Stage(t);
  stage.program("chroot", ":");
  stage.write("everboot/apt-get", "#!/bin/sh\n");
  stage.write("target/usr/bin/apt-get", "real");
  stage.write("target/etc/apt/apt.conf.d/01autoremove", "");
  const config = "target/etc/apt/apt.conf.d/00everboot-ftp";
  assert.equal(stage.run(baseScript({ keyring: false, ftp: false })), 0);
  assert.ok(!stage.has(config));
  assert.equal(stage.run(baseScript({ keyring: false, ftp: true })), 0);
  assert.equal(stage.read(config), 'Dir::Bin::Methods::ftp "ftp";\n');
});

test("the target trusts the tree's key only if it has one", (t) => {
  const stage = new Stage(t);
  stage.program("chroot", ":");
  stage.write("everboot/apt-get", "#!/bin/sh\n");
  stage.write("everboot/archive.gpg", "key");
  stage.write("target/usr/bin/apt-get", "real");
  assert.equal(stage.run(baseScript({ keyring: false, ftp: false })), 0);
  assert.ok(!stage.has("target/etc/apt/trusted.gpg.d/everboot.gpg"));
  assert.equal(stage.run(baseScript({ keyring: true, ftp: false })), 0);
  assert.equal(stage.read("target/etc/apt/trusted.gpg.d/everboot.gpg"), "key");
  assert.equal(stage.read("target/usr/bin/apt-get"), "#!/bin/sh\n");
});
