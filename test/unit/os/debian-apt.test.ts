/** The real apt walks the list of servers that the installed system gets. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { debian } from "../../../src/os/debian.ts";
import { installedJudge } from "../../support/judges.ts";
import { CASES, inputOf, overlayText } from "./debian-cases.ts";

const apt = installedJudge("apt-get");
const gpg = installedJudge("gpg");
/** At an address of its own: apt 2.6.2 gives up an address, with all its ports, that has refused a connection. */
const DEAD = "http://127.0.0.2:9/trees/t";
const PACKAGE = "not looked into by `apt-get download`";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** The text with a signature around it; the key that made it lies in `keyring`. */
function signed(t: TestContext, text: string): { readonly text: string; readonly keyring: string } {
  const home = mkdtempSync(join(tmpdir(), "everboot-gpg-"));
  const run = (args: readonly string[], input = "") =>
    execFileSync(gpg.path, ["--homedir", home, "--batch", "--quiet", ...args], { input, encoding: "utf8" });
  t.after(() => {
    execFileSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    rmSync(home, { recursive: true });
  });
  run(["--passphrase", "", "--quick-generate-key", "test", "rsa2048", "sign", "never"]);
  const keyring = join(home, "archive.gpg");
  run(["--output", keyring, "--export"]);
  return { text: run(["--clearsign"], text), keyring };
}

const INDEX = "main/binary-amd64/Packages";
const PACKAGES = `Package: hello
Version: 1
Architecture: amd64
Maintainer: nobody
Filename: pool/hello_1_amd64.deb
Size: ${PACKAGE.length}
SHA256: ${sha256(PACKAGE)}
Description: hello
`;
const RELEASE = `Origin: Debian
Codename: bookworm
Architectures: amd64
Components: main
SHA256:
 ${sha256(PACKAGES)} ${PACKAGES.length} ${INDEX}
`;

async function mirror(t: TestContext, inRelease: string): Promise<string> {
  const files = new Map([
    ["/trees/t/dists/bookworm/InRelease", inRelease],
    [`/trees/t/dists/bookworm/${INDEX}`, PACKAGES],
    ["/trees/t/pool/hello_1_amd64.deb", PACKAGE],
  ]);
  const server = createServer((request, response) => {
    const text = files.get(request.url ?? "");
    response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/trees/t`;
}

/** The list as it is put into the system, with these URLs of the tree. */
function listOf(trees: readonly [string, string]): string {
  const input = inputOf(CASES.raid);
  const [first, second = first] = input.servers;
  const servers = [
    { ...first, lastingTree: trees[0] },
    { ...second, lastingTree: trees[1] },
  ] as const;
  return overlayText(debian.render({ ...input, servers }), "everboot/target/etc/apt/mirrors/everboot.list");
}

/** Of its own in all: the machine's own apt is not touched. */
function aptFolder(t: TestContext, list: string, keyring: string) {
  const root = mkdtempSync(join(tmpdir(), "everboot-apt-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const folder of ["etc/preferences.d", "state/lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const config = `Dir::Etc "${root}/etc"; Dir::Etc::sourceparts "-"; Dir::Etc::parts "none"; Dir::State "${root}/state";
Dir::State::status "${root}/status"; Dir::Cache "${root}/cache"; APT::Architecture "amd64"; APT::Architectures "amd64";
APT::Sandbox::User "root"; Acquire::Languages "none"; Acquire::Retries "0";
`;
  writeFileSync(join(root, "apt.conf"), config);
  writeFileSync(join(root, "status"), "");
  writeFileSync(join(root, "servers.list"), list);
  writeFileSync(
    join(root, "etc/sources.list"),
    `deb [signed-by=${keyring}] mirror+file:${root}/servers.list bookworm main\n`,
  );
  const run = async (...args: readonly string[]): Promise<number> => {
    const env = { ...process.env, APT_CONFIG: join(root, "apt.conf") };
    const child = spawn(apt.path, ["-q", ...args], { cwd: root, env, stdio: "ignore" });
    const [code] = await once(child, "exit");
    return code;
  };
  return { root, run };
}

for (const dead of ["first", "second"]) {
  const skip = apt.obstacle ?? gpg.obstacle;
  test(`apt fetches indexes and packages when the ${dead} server is dead`, { skip }, async (t) => {
    const { text, keyring } = signed(t, RELEASE);
    const live = await mirror(t, text);
    const list = listOf(dead === "first" ? [DEAD, live] : [live, DEAD]);
    const { root, run } = aptFolder(t, list, keyring);
    assert.equal(await run("update"), 0);
    assert.equal(await run("download", "hello"), 0);
    assert.equal(readFileSync(join(root, "hello_1_amd64.deb"), "utf8"), PACKAGE);
  });
}
