/** Runs what the overlay adds to casper's initrd, in the shells that initrds have, against real HTTP servers. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { initrdFiles } from "../../../src/os/ubuntu-initrd.ts";
import { installedJudge } from "../../support/judges.ts";
import { Stage } from "./ubuntu-stage.ts";

const ISO = Buffer.alloc(300_000, "everboot ");

/** As much of casper as its do_urlmount relies on (scripts/casper of casper 1.445). */
const CASPER = `mountpoint=$PWD/cdrom
MP_QUIET=-q
is_casper_path() { [ -d "$1" ]; }
matches_uuid() { [ "$STRANGE" = "" ]; }
do_urlmount() { echo "casper's own"; return 1; }
`;

async function server(t: TestContext, listener: RequestListener): Promise<string> {
  const http = createServer(listener);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => {
    http.closeAllConnections();
    http.close();
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/trees/u`;
}

/** Serves the ISO; a request for a part of it gets that part. */
function serveIso(requests: string[]): RequestListener {
  return (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    requests.push(`${request.url} ${from}`);
    const range = `bytes ${from}-${ISO.length - 1}/${ISO.length}`;
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": ISO.length - from,
      ...(from > 0 && { "content-range": range }),
    });
    response.end(ISO.subarray(from));
  };
}

/** Sends the first third of the ISO, then nothing more, or not even an end. */
function brokenOff(end: "cut" | "silence"): RequestListener {
  return (_request, response) => {
    response.writeHead(200, { "content-length": ISO.length });
    response.write(ISO.subarray(0, 100_000), () => end === "cut" && response.destroy());
  };
}

/** An initrd in which casper would now mount the medium. */
function initrd(t: TestContext, trees: readonly string[]): Stage {
  const stage = new Stage(t);
  stage.write("scripts/casper", CASPER);
  stage.write("scripts/casper-bottom/ORDER", ":\n");
  stage.unpack(initrdFiles(trees));
  for (const name of ["modprobe", "umount"]) stage.program(name, ":");
  stage.program("mount", 'case "$*" in *remount*) exit 1 ;; esac\nmkdir -p "$4"');
  // Its pauses are cut to a tenth of a second.
  stage.program("sleep", "exec /bin/sleep 0.1");
  return stage;
}

/** What /init does until the medium is mounted: exit code of do_urlmount. */
async function mountMedium(
  stage: Stage,
  shell: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<number | null> {
  const script = `cd ${stage.root}; . conf/conf.d/everboot; . scripts/casper; do_urlmount`;
  const [command = "sh", ...words] = shell;
  const child = spawn(command, [...words, "-c", script], { stdio: "ignore", env: { ...stage.environment, ...env } });
  const [code] = await once(child, "exit");
  return code;
}

const busybox = installedJudge("busybox");
const wget = installedJudge("wget");

/** Shell and wget of the initrd: busybox's, or dash with GNU wget. */
const KINDS = [
  {
    name: "busybox",
    shell: [busybox.path, "sh"],
    fetcher: `exec ${busybox.path} wget "$@"`,
    obstacle: busybox.obstacle,
  },
  {
    name: "dash and GNU wget",
    shell: ["dash"],
    fetcher: `exec ${wget.path} "$@"`,
    obstacle: wget.obstacle ?? installedJudge("dash").obstacle,
  },
];

for (const { name, shell, fetcher, obstacle } of KINDS) {
  const options = { skip: obstacle, timeout: 60_000 };
  const prepared = (t: TestContext, trees: readonly string[]) => {
    const stage = initrd(t, trees);
    stage.program("wget", fetcher);
    return stage;
  };

  for (const end of ["cut", "silence"] as const) {
    test(`${name}: after ${end} the next server goes on where the first stopped`, options, async (t) => {
      const requests: string[] = [];
      const stage = prepared(t, [await server(t, brokenOff(end)), await server(t, serveIso(requests))]);
      assert.equal(await mountMedium(stage, shell), 0);
      assert.deepEqual(requests, ["/trees/u/live.iso 100000"]);
      assert.equal(stage.read("live.iso"), ISO.toString());
    });
  }

  test(`${name}: refused connections and outages are waited out`, options, async (t) => {
    const requests: string[] = [];
    const serve = serveIso(requests);
    let outages = 3;
    const recovering = await server(t, (request, response) => {
      if (outages-- > 0) response.writeHead(503).end();
      else serve(request, response);
    });
    const stage = prepared(t, ["http://127.0.0.1:9/trees/u", recovering]);
    assert.equal(await mountMedium(stage, shell), 0);
    assert.equal(stage.read("live.iso"), ISO.toString());
  });

  test(`${name}: a medium that is not this initrd's is fetched from each server once`, options, async (t) => {
    const requests: string[] = [];
    const trees = [await server(t, serveIso(requests)), await server(t, serveIso(requests))];
    const stage = prepared(t, trees);
    assert.equal(await mountMedium(stage, shell, { STRANGE: "yes" }), 1);
    assert.deepEqual(requests, ["/trees/u/live.iso 0", "/trees/u/live.iso 0"]);
    assert.equal(stage.calls("umount").length, 2);
  });
}

test("the live system gets the seed and the scripts", (t) => {
  const stage = initrd(t, ["http://127.0.0.1:9"]);
  stage.write("user-data", "#cloud-config\n");
  stage.write("meta-data", "instance-id: i\n");
  const script = `rootmnt=$PWD/root; export rootmnt; mkdir root; . conf/conf.d/everboot; . scripts/casper-bottom/ORDER`;
  assert.equal(stage.run(script).status, 0);
  assert.equal(stage.read("root/var/lib/cloud/seed/nocloud/user-data"), "#cloud-config\n");
  assert.equal(stage.read("root/var/lib/cloud/seed/nocloud/meta-data"), "instance-id: i\n");
  assert.ok(stage.has("root/everboot/bottom"));
});
