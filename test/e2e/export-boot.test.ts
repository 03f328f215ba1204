/** Real loaders follow what `everboot export` wrote for a DHCP and TFTP server of one's own. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { type Machine, startMachine } from "../../lab/machine.ts";
import { Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { Lines } from "../support/dhcp-rack.ts";
import { installedJudge } from "../support/judges.ts";

const SITE = `
site: test
subnets:
  - {cidr: 192.168.77.0/24, dhcp: off}
servers:
  one: {address: 192.168.77.1, http_port: 8080}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts:
  vm1: {nics: ["52:54:00:00:00:01"], address: 192.168.77.101, profile: plain}
  vm2: {nics: ["52:54:00:00:00:0a"], address: 192.168.77.102, profile: plain, loader: pxelinux}
`;

/** In place of the install server: prints the path of each request. */
const HTTP_SERVER = `
require("node:http").createServer((request, response) => {
  console.log("asked for " + request.url);
  response.end("#!ipxe\\necho script received\\nshell\\n");
}).listen(8080, "192.168.77.1", () => console.log("listening"));
`;

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const dnsmasq = installedJudge("dnsmasq");
const skip = namespaceObstacle() ?? packageObstacle("machines") ?? dnsmasq.obstacle;

class OwnServer implements AsyncDisposable {
  readonly folder: string;
  readonly space: Namespace;
  private constructor(folder: string, space: Namespace) {
    this.folder = folder;
    this.space = space;
  }

  /** A bridge with dnsmasq, which serves the exported tree by TFTP. */
  static async open(name: string): Promise<OwnServer> {
    const site = new OwnServer(await mkdtemp(join(tmpdir(), "everboot-export-")), await Namespace.create(name));
    await site.space.bridge("br0", "192.168.77.1/24");
    await writeFile(join(site.folder, "site.yaml"), SITE);
    for (const format of ["dnsmasq", "pxelinux"]) {
      const words = ["export", format, "-c", join(site.folder, "site.yaml"), "--out", join(site.folder, format)];
      await site.space.exec(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...words]);
    }
    const files = ["-C", join(site.folder, "dnsmasq/everboot.conf"), `--dhcp-leasefile=${join(site.folder, "leases")}`];
    const tftp = ["--enable-tftp", `--tftp-root=${join(site.folder, "pxelinux")}`];
    const words = ["-k", "--log-facility=-", "--user=root", "--pid-file=", ...files, ...tftp];
    await new Lines(site.space.spawn(dnsmasq.path, words)).match(/DHCP, static leases only/);
    return site;
  }

  async serveHttp(): Promise<Lines> {
    const lines = new Lines(this.space.spawn(process.execPath, ["-e", HTTP_SERVER]));
    await lines.match(/listening/);
    return lines;
  }

  machine(mac: string): Promise<Machine> {
    const { space, folder } = this;
    const plugs = { space, bridge: "br0", name: "vm", logDirectory: folder, disk: join(folder, "disk.qcow2") };
    return startMachine({ ...plugs, firmware: "bios", macs: [mac], memoryMb: 256, cpus: 1 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.space.remove();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The console's text up to the first match, without what moves the cursor: it may come in the middle of a line. */
async function consoleUntil(machine: Machine, pattern: RegExp): Promise<string> {
  let raw = "";
  let text = "";
  for await (const chunk of machine.console) {
    raw += chunk;
    text = stripVTControlCharacters(raw);
    if (pattern.test(text)) return text;
  }
  return assert.fail(`the machine ended without ${pattern}:\n${text}`);
}

test("iPXE puts its MAC into the URL that another DHCP server gives it", { skip, timeout: 120_000 }, async () => {
  await using site = await OwnServer.open("expi");
  const http = await site.serveHttp();
  const machine = await site.machine("52:54:00:00:00:01");
  assert.equal(await http.match(/asked for/), "asked for /boot/ipxe/52-54-00-00-00-01");
  await machine.stop();
});

test("PXELINUX of an exported tree asks the install server for the script", { skip, timeout: 120_000 }, async () => {
  await using site = await OwnServer.open("expp");
  const http = await site.serveHttp();
  const machine = await site.machine("52:54:00:00:00:0a");
  const text = await consoleUntil(machine, /script received/);
  assert.match(text, /PXELINUX 6/);
  assert.match(text, /Everboot, site test/);
  assert.equal(await http.match(/asked for/), "asked for /boot/ipxe/52-54-00-00-00-0a");
  await machine.stop();
});

test("PXELINUX of an exported tree boots from the disk while the install server is away", {
  skip,
  timeout: 120_000,
}, async () => {
  await using site = await OwnServer.open("expd");
  const machine = await site.machine("52:54:00:00:00:0a");
  await consoleUntil(machine, /no answer from the install server, booting from the disk[\s\S]*SAN device 0x80/);
  await machine.stop();
});
