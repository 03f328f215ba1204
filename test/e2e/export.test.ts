/** Other DHCP servers with what is exported for them give the answers that our own server gives. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Namespace } from "../../lab/netns.ts";
import { type Mac, macWithDashes } from "../../src/base/address.ts";
import { IPXE_MAC } from "../../src/export/dhcp-facts.ts";
import { lastingView } from "../../src/os/server-urls.ts";
import { EXPORTS } from "../../src/registry.ts";
import { messageType, OPTION, type OptionName, textOption } from "../../src/wire/dhcp-options.ts";
import { decodeDhcp } from "../../src/wire/dhcp-packet.ts";
import { FIRMWARE } from "../support/dhcp-messages.ts";
import { DhcpRack, Lines, rackObstacle } from "../support/dhcp-rack.ts";
import { mac } from "../support/dhcp-site.ts";
import { installedJudge, packagedJudge } from "../support/judges.ts";
import { siteOf } from "../support/sites.ts";
import type { Heard, Talk } from "./export-client.ts";

const VM1_FIRST = mac("52:54:00:00:00:01");
const VM1_SECOND = mac("52:54:00:00:00:02");
const VM2 = mac("52:54:00:00:00:03");
const VM3 = mac("52:54:00:00:00:04");
const ELSEWHERE = mac("52:54:00:00:00:05");
const STRANGER = mac("52:54:00:00:00:99");

const SITE = `
site: test
subnets:
  - {cidr: 192.168.77.0/24, router: 192.168.77.254, dns: [192.168.77.53, 192.168.77.54], domain: lab.example, pool: 192.168.77.200-192.168.77.250, lease: 1h}
  - {cidr: 10.2.0.0/16, lease: 1h, dhcp: off}
unknown: ignore
servers:
  one: {address: 192.168.77.1, http_port: 8080, interface: s0}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts:
  vm1: {nics: ["${VM1_FIRST}", "${VM1_SECOND}"], address: 192.168.77.101, bond: {mode: active-backup}, profile: plain}
  vm2: {nics: ["${VM2}"], address: 192.168.77.102, profile: plain, loader: grub}
  vm3: {nics: ["${VM3}"], address: 192.168.77.103, profile: plain, loader: pxelinux}
  elsewhere: {nics: ["${ELSEWHERE}"], address: 10.2.0.5, profile: plain}
`;
const OPEN_SITE = SITE.replace("unknown: ignore", "unknown: discover");

type Ask = Partial<Record<OptionName, string | Uint8Array>>;

const arch = (code: number) => ({ "client-arch": Uint8Array.of(0, code) });
/** What firmware asks for (option 55), EDK II's without what does not matter here. */
const ROM_LIST = { "parameter-list": Uint8Array.of(1, 3, 6, 12, 15, 43, 60, 66, 67) };
const UUID = { "client-uuid": Uint8Array.from({ length: 17 }, (_, index) => index) };
const BIOS: Ask = { ...FIRMWARE.bios, ...ROM_LIST, ...UUID };
const UEFI: Ask = { ...FIRMWARE.uefi, ...ROM_LIST };
const IPXE: Ask = { ...FIRMWARE.ipxe, ...ROM_LIST };

/** Who asks for a lease, each after the one before has given its address back. */
const CLIENTS: ReadonlyArray<readonly [who: string, mac: Mac, ask: Ask]> = [
  ["BIOS firmware", VM1_FIRST, BIOS],
  ["BIOS firmware, second NIC", VM1_SECOND, BIOS],
  ["firmware that names no architecture and asks for no options", VM1_FIRST, { "vendor-class": "PXEClient" }],
  ["UEFI firmware", VM1_FIRST, UEFI],
  ["UEFI firmware, second NIC", VM1_SECOND, UEFI],
  ["UEFI firmware of the other x64 code", VM1_FIRST, { ...UEFI, ...arch(9) }],
  ["UEFI firmware of arm64", VM1_FIRST, { ...UEFI, ...arch(11) }],
  ["UEFI firmware that there is no loader for", VM1_FIRST, { ...UEFI, ...arch(27) }],
  ["UEFI HTTP boot", VM1_FIRST, { ...FIRMWARE.uefiHttp, ...ROM_LIST }],
  ["UEFI HTTP boot that names the PXE architecture", VM1_FIRST, { ...FIRMWARE.uefiHttp, ...arch(7) }],
  ["iPXE", VM1_FIRST, IPXE],
  ["iPXE, second NIC", VM1_SECOND, IPXE],
  ["iPXE without options of its own", VM1_FIRST, { ...FIRMWARE.bios, "user-class": "iPXE" }],
  ["Debian's installer", VM1_FIRST, { "vendor-class": "d-i", "client-id": Uint8Array.of(1, 82, 84, 0, 0, 0, 1) }],
  ["an installed system", VM1_FIRST, { "client-id": Uint8Array.of(255, 1, 2, 3), "parameter-list": Uint8Array.of(1) }],
  ["UEFI firmware, loader grub", VM2, UEFI],
  ["BIOS firmware, loader grub", VM2, BIOS],
  ["UEFI iPXE, loader grub", VM2, { ...IPXE, ...arch(7) }],
  ["UEFI HTTP boot, loader grub", VM2, FIRMWARE.uefiHttp],
  ["BIOS firmware, loader pxelinux", VM3, BIOS],
  ["iPXE, loader pxelinux", VM3, IPXE],
];

function talk(who: Mac, ask: Ask, kind: Talk["kind"] = "lease", wish?: string): Talk {
  const rows = Object.entries(ask).map(([name, value]) => {
    return [OPTION[name as OptionName], Buffer.from(value).toString("hex")] as const;
  });
  return { mac: who, options: Object.fromEntries(rows), kind, ...(wish !== undefined && { wish }) };
}

/** An answer as its client takes it: text ends at a NUL, and iPXE puts its settings into the file name. */
function asTaken(hex: string | undefined, client: string) {
  if (hex === undefined) return undefined;
  const packet = decodeDhcp(Buffer.from(hex, "hex"));
  const expand = (text: string) => text.replace(IPXE_MAC, macWithDashes(mac(client)));
  const text = (name: OptionName) => expand(textOption(packet.options, name) ?? "absent");
  const others = [...packet.options].filter(([code]) => code !== OPTION["tftp-server"] && code !== OPTION["boot-file"]);
  return {
    address: packet.yiaddr,
    nextServer: packet.siaddr,
    serverName: packet.sname,
    file: expand(packet.file),
    tftpServer: text("tftp-server"),
    bootFile: text("boot-file"),
    options: Object.fromEntries(others.map(([code, value]) => [code, Buffer.from(value).toString("hex")])),
  };
}

type Taken = NonNullable<ReturnType<typeof asTaken>>;

function without(taken: Taken, ...names: readonly OptionName[]): Taken {
  const dropped = new Set(names.map((name) => String(OPTION[name])));
  return {
    ...taken,
    options: Object.fromEntries(Object.entries(taken.options).filter(([code]) => !dropped.has(code))),
  };
}

interface Engine {
  readonly format: string;
  readonly obstacle: string | undefined;
  /** In the rack's server namespace; the files are in `folder`. */
  start(rack: DhcpRack, folder: string): Lines;
  /** Said when it hears. */
  readonly ready: RegExp;
  /** Our own answer, with what this engine cannot do as we do (docs/export.md lists it). */
  differs(own: Taken): Taken;
  /** Does the second NIC get the host's address while the first one's lease runs? */
  readonly sharesAddress: boolean;
  /** Does it refuse a wish for an address of another network? */
  readonly refusesWrongNetwork: boolean;
}

const dhcpd = packagedJudge("isc-dhcp-server", "usr/sbin/dhcpd");
const keaDhcp4 = packagedJudge("kea-dhcp4-server", "usr/sbin/kea-dhcp4");
const dnsmasq = installedJudge("dnsmasq");

const ENGINES: readonly Engine[] = [
  {
    format: "isc-dhcp",
    obstacle: dhcpd.obstacle,
    start: ({ server }, folder) => {
      const files = ["-cf", join(folder, "dhcpd.conf"), "-lf", join(folder, "dhcpd.leases")];
      return new Lines(server.spawn(dhcpd.path, ["-4", "-f", "-d", "--no-pid", ...files, "s0"]));
    },
    ready: /Server starting service/,
    differs: (own) => own,
    sharesAddress: true,
    refusesWrongNetwork: false,
  },
  {
    format: "kea",
    obstacle: keaDhcp4.obstacle,
    start: ({ server }, folder) => {
      const env = { ...process.env, KEA_PIDFILE_DIR: folder, KEA_LOCKFILE_DIR: "none" };
      return new Lines(server.spawn(keaDhcp4.path, ["-c", join(folder, "kea-dhcp4.conf")], { env }));
    },
    ready: /DHCP4_STARTED/,
    differs: (own) => without(own, "client-uuid"),
    sharesAddress: false,
    refusesWrongNetwork: true,
  },
  {
    format: "dnsmasq",
    obstacle: dnsmasq.obstacle,
    start: ({ server }, folder) => {
      const files = ["-C", join(folder, "everboot.conf"), "--pid-file=", `--dhcp-leasefile=${join(folder, "leases")}`];
      return new Lines(server.spawn(dnsmasq.path, ["-k", "--log-facility=-", "--user=root", ...files]));
    },
    ready: /DHCP, static leases only on 192/,
    // Clients without a boot file are told of dnsmasq itself in siaddr: here, the same machine.
    differs: (own) => ({ ...without(own, "client-uuid", "client-id"), nextServer: mustBe("192.168.77.1", own) }),
    sharesAddress: true,
    refusesWrongNetwork: true,
  },
];

function mustBe(server: string, own: Taken): Taken["nextServer"] {
  assert.ok(own.nextServer === server || own.nextServer === "0.0.0.0");
  return server as Taken["nextServer"];
}

const CLIENT = join(import.meta.dirname, "export-client.ts");

async function converse(client: Namespace, talks: readonly Talk[]): Promise<Heard[]> {
  const words = ["--disable-warning=ExperimentalWarning", CLIENT, JSON.stringify(talks)];
  return JSON.parse(await client.exec(process.execPath, words, 240_000));
}

/** The exported files, with their paths and its leases in the rack's folder. */
async function exportTo(rack: DhcpRack, format: string, siteText: string): Promise<void> {
  const site = siteOf(siteText);
  const [server] = site.servers.values();
  assert.ok(server);
  for (const file of EXPORTS.get(format)?.render(site, lastingView(server)) ?? []) {
    if (file.kind !== "text") continue;
    const text = file.text.replace("/etc/dhcp/", `${rack.folder}/`).replace('"memfile"', '"memfile", "persist": false');
    await rack.script(file.path, text);
  }
  await rack.script("dhcpd.leases", "");
}

/** What our own server answers to the talks, and what the engine does. */
async function ask(engine: Engine, siteText: string, talks: readonly Talk[]) {
  await using rack = await DhcpRack.create();
  const client = await rack.client("exp", "s0", "192.168.77.1/24");
  await client.ip("addr add 192.168.77.9/24 dev e0");
  const answers = async (server: Lines, ready: RegExp) => {
    await server.match(ready);
    const heard = await converse(client, talks);
    await server.end();
    return heard;
  };
  const own = await answers(rack.startServer(siteText), /"ready"/);
  await exportTo(rack, engine.format, siteText);
  return { own, heard: await answers(engine.start(rack, rack.folder), engine.ready) };
}

for (const engine of ENGINES) {
  const options = { skip: rackObstacle() || engine.obstacle, timeout: 300_000 };
  test(`${engine.format} gives every client of every host the answer that our own server gives`, options, () =>
    compareClients(engine),
  );
  test(`${engine.format}: silence for strangers and in other networks; a host that changes its NIC`, options, () =>
    compareSilence(engine),
  );
  test(`${engine.format} gives strangers that the site lets in an address of the pool, and no boot file`, options, () =>
    compareStrangers(engine),
  );
}

async function compareClients(engine: Engine): Promise<void> {
  const talks = CLIENTS.map(([, who, options]) => talk(who, options));
  const { own, heard } = await ask(engine, SITE, talks);
  for (const [index, [who, nic]] of CLIENTS.entries()) {
    for (const message of ["offer", "ack"] as const) {
      const expected = asTaken(own[index]?.[message], nic);
      assert.ok(expected, `our own ${message} to ${who}`);
      assert.deepEqual(asTaken(heard[index]?.[message], nic), engine.differs(expected), `${message} to ${who}`);
    }
  }
}

/** The last one is awaited, so the silence before it is no slowness. */
const UNHEARD: readonly Talk[] = [
  talk(STRANGER, BIOS, "unheard", "10.0.0.7"),
  talk(STRANGER, {}, "unheard", "192.168.77.101"),
  talk(ELSEWHERE, BIOS, "unheard"),
  talk(VM2, BIOS, "unheard", "10.0.0.7"),
  talk(VM1_FIRST, BIOS, "hold"),
  talk(VM1_SECOND, BIOS, "unheard"),
  talk(VM3, BIOS),
];

async function compareSilence(engine: Engine): Promise<void> {
  const { own, heard } = await ask(engine, SITE, UNHEARD);
  const leased = ["offer", "ack"];
  assert.deepEqual(typesOf(own), [[], [], [], ["offer", "nak"], leased, ["offer"], leased]);
  const vm2 = engine.refusesWrongNetwork ? ["offer", "nak"] : ["offer"];
  const second = engine.sharesAddress ? ["offer"] : [];
  assert.deepEqual(typesOf(heard), [[], [], [], vm2, leased, second, leased]);
}

function typesOf(heard: readonly Heard[]): string[][] {
  return heard.map(({ offer, ack }) =>
    [offer, ack].flatMap((hex) => {
      const type = hex === undefined ? undefined : messageType(decodeDhcp(Buffer.from(hex, "hex")).options);
      return type === undefined ? [] : [type];
    }),
  );
}

async function compareStrangers(engine: Engine): Promise<void> {
  const talks = [talk(ELSEWHERE, BIOS, "unheard"), talk(STRANGER, BIOS), talk(STRANGER, {}), talk(VM1_FIRST, BIOS)];
  const { own, heard } = await ask(engine, OPEN_SITE, talks);
  assert.deepEqual([own[0], heard[0]], [{}, {}], "a host of another network");
  const [, ...pairs] = own.map(({ ack }, index) => [asTaken(ack, STRANGER), asTaken(heard[index]?.ack, STRANGER)]);
  for (const [index, [expected, found]] of pairs.entries()) {
    assert.ok(expected && found, `client ${index}`);
    const isStranger = index < 2;
    if (isStranger) for (const { address } of [expected, found]) assert.match(address, /^192\.168\.77\.2[0-5]\d$/);
    const { address } = isStranger ? found : expected;
    assert.deepEqual(found, { ...engine.differs(expected), address });
  }
}
