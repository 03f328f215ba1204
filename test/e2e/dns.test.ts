/** Foreign resolvers against the DNS server on port 53 of a namespace: dig, glibc's and busybox's; dnsmasq behind it. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect, Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { Lines } from "../support/dhcp-rack.ts";
import { installedJudge } from "../support/judges.ts";
import { buildMuslLookup, muslObstacle } from "../support/musl.ts";
import { resolving, writeResolverFiles } from "../support/resolver.ts";
import { exampleText } from "../support/sites.ts";

const ADDRESS = "192.168.0.11";
const OTHERS = "192.168.0.1";
const NAME = "ftp.youyuanyin.org";
const FLOATING = ["192.168.0.253", "192.168.0.254"];

const lacking = (...programs: readonly string[]) =>
  programs.map((program) => installedJudge(program).obstacle).find((obstacle) => obstacle !== undefined) ?? false;

let folder: string;
let server: Namespace;
let client: Namespace;

async function startNameServers(): Promise<void> {
  const site = join(folder, "site.yaml");
  await writeFile(site, exampleText("pair"));
  const script = join(import.meta.dirname, "dns-server.ts");
  const words = ["--disable-warning=ExperimentalWarning", script, site, ADDRESS, OTHERS];
  await new Lines(server.spawn(process.execPath, words)).match(/^ready$/);
  const long = Array.from({ length: 12 }, (_, place) => `--txt-record=long.other.example,${place}${"x".repeat(200)}`);
  const names = ["--address=/www.other.example/10.9.9.9", "--local=/other.example/", ...long];
  const places = [
    "--no-resolv",
    "--no-hosts",
    "--conf-file=/dev/null",
    "--bind-interfaces",
    `--listen-address=${OTHERS}`,
  ];
  const dnsmasq = server.spawn("dnsmasq", [
    "-k",
    "--log-facility=-",
    "--user=root",
    "--pid-file=",
    ...places,
    ...names,
  ]);
  await new Lines(dnsmasq).match(/started, version/);
}

/** What dig prints with `+short`, as lines. */
async function dig(...words: readonly string[]): Promise<string[]> {
  const text = await client.exec("dig", [`@${ADDRESS}`, "+short", "+tries=1", ...words]);
  return text.split("\n").filter((line) => line !== "");
}

/** The response code, and the flags. */
async function digHead(...words: readonly string[]): Promise<{ status: string; flags: readonly string[] }> {
  const text = await client.exec("dig", [`@${ADDRESS}`, "+tries=1", ...words]);
  const [, status = ""] = /status: (\w+)/.exec(text) ?? [];
  const [, flags = ""] = /^;; flags: ([a-z ]+);/m.exec(text) ?? [];
  return { status, flags: flags.split(" ") };
}

const lookUp = (...command: readonly string[]) => resolving(client, folder, ...command);

describe("resolvers", { skip: namespaceObstacle() ?? lacking("dnsmasq"), timeout: 120_000 }, () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "everboot-dns-"));
    await writeResolverFiles(folder, { servers: [ADDRESS], search: "youyuanyin.org" });
    server = await Namespace.create("dnss");
    client = await Namespace.create("dnsc");
    await connect(server, "s0", client, "c0");
    for (const address of [ADDRESS, OTHERS]) await server.ip(`addr add ${address}/24 dev s0`);
    await client.ip("addr add 192.168.0.128/24 dev c0");
    await startNameServers();
  });
  after(async () => {
    await client.remove();
    await server.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test("dig: forward, reverse, over UDP and TCP", { skip: lacking("dig") }, async () => {
    for (const way of ["+notcp", "+tcp", "+noedns"]) {
      assert.deepEqual(await dig(way, "CLI128.youyuanyin.org"), ["192.168.0.128"], way);
      assert.deepEqual(await dig(way, "-x", "192.168.0.129"), ["cli129.youyuanyin.org."], way);
      assert.deepEqual((await dig(way, NAME)).sort(), FLOATING, way);
    }
    assert.deepEqual(await dig("+tcp", "+keepopen", NAME, "cli128.youyuanyin.org").then((all) => all.length), 3);
  });

  test("dig: what is not there, and what is not given", { skip: lacking("dig") }, async () => {
    const own = ["qr", "aa", "rd", "ra"];
    assert.deepEqual(await digHead("nobody.youyuanyin.org"), { status: "NXDOMAIN", flags: own });
    assert.deepEqual(await digHead("AAAA", NAME), { status: "NOERROR", flags: own });
    assert.deepEqual(await dig("AAAA", NAME), []);
    assert.deepEqual(await dig("ANY", "+notcp", NAME), ['"RFC8482" ""']);
    assert.equal((await digHead("+edns=1", "+noednsnegotiation", NAME)).status, "BADVERS");
    assert.equal((await digHead("-c", "CH", "TXT", "version.bind")).status, "REFUSED");
    assert.match(await client.exec("dig", [`@${ADDRESS}`, "AXFR", "youyuanyin.org"]), /Transfer failed/);
  });

  test("dig: names of others, the long ones over TCP", { skip: lacking("dig") }, async () => {
    assert.deepEqual(await dig("www.other.example"), ["10.9.9.9"]);
    assert.equal((await digHead("nobody.other.example")).status, "NXDOMAIN");
    const long = await dig("TXT", "long.other.example");
    assert.equal(long.length, 12);
    assert.ok((await digHead("+ignore", "TXT", "long.other.example")).flags.includes("tc"));
  });

  test("glibc: getent finds hosts by name, by short name and by address", { skip: lacking("getent") }, async () => {
    const addresses = async (name: string) => {
      const lines = (await lookUp("getent", "ahostsv4", name)).split("\n");
      return [...new Set(lines.flatMap((line) => line.split(" ")[0] || []))].sort();
    };
    assert.deepEqual(await addresses(NAME), FLOATING);
    assert.deepEqual(await addresses("ftp"), FLOATING);
    assert.deepEqual(await addresses("www.other.example"), ["10.9.9.9"]);
    assert.match(await lookUp("getent", "hosts", "192.168.0.128"), /^192\.168\.0\.128 +cli128\.youyuanyin\.org$/m);
    assert.match(await lookUp("getent", "hosts", "cli129"), /^192\.168\.0\.129 +cli129\.youyuanyin\.org$/m);
    await assert.rejects(lookUp("getent", "hosts", "nobody.youyuanyin.org"), { code: 2 });
  });

  test("musl: a program finds hosts by name, by short name and by address", { skip: muslObstacle() }, async () => {
    const program = join(folder, "lookup");
    buildMuslLookup(program);
    const lines = async (...words: readonly string[]) =>
      (await lookUp(program, ...words)).split("\n").filter((line) => line !== "");
    assert.deepEqual((await lines(NAME)).sort(), FLOATING);
    assert.deepEqual((await lines("ftp")).sort(), FLOATING);
    assert.deepEqual(await lines("www.other.example"), ["10.9.9.9"]);
    assert.deepEqual(await lines("-x", "192.168.0.129"), ["cli129.youyuanyin.org"]);
    await assert.rejects(lookUp(program, "nobody.youyuanyin.org"), { code: 2 });
  });

  test("busybox: nslookup", { skip: lacking("busybox") }, async () => {
    const text = await client.exec("busybox", ["nslookup", NAME, ADDRESS]);
    for (const address of FLOATING) assert.match(text, new RegExp(`^Address: ${address}$`, "m"));
    assert.match(
      await client.exec("busybox", ["nslookup", "192.168.0.128", ADDRESS]),
      /name = cli128\.youyuanyin\.org/,
    );
    await assert.rejects(client.exec("busybox", ["nslookup", "nobody.youyuanyin.org", ADDRESS]), {
      stdout: /NXDOMAIN/,
    });
  });
});
