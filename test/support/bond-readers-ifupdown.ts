/** Reads /etc/network/interfaces by interfaces(5) and ifenslave's README.Debian; what is not `auto` does not count. */
import type { Ipv4 } from "../../src/base/address.ts";
import type { Addressing, Device, Nic, PlannedBond } from "../../src/bond/model.ts";
import type { ReadPlan } from "./bond-readers-networkd.ts";
import { bondSettings, nicNamed, readMac, splitOnce } from "./bond-readers-options.ts";

/** The members, and the option of the driver that ifenslave passes over. */
const NOT_DRIVER_OPTIONS = ["bond-slaves", "bond-min-links"];

interface Stanza {
  readonly name: string;
  readonly method: string;
  readonly options: Map<string, string>;
  readonly postUp: string[];
}

/** `nics` are the machine's ports: the file has their names alone. */
export function readIfupdown(text: string, nics: readonly Nic[]): ReadPlan {
  const { auto, stanzas } = parse(text);
  const started = stanzas.filter(({ name }) => auto.includes(name) && name !== "lo");
  const bond = started.flatMap((stanza) => readBond(stanza, nics)).at(0);
  const used = bond?.members ?? started.filter(({ options }) => !options.has("vlan-raw-device")).map(portOf(nics));
  return { nics: used, ...(bond && { bond }), devices: started.map(readDevice) };
}

function portOf(nics: readonly Nic[]): (stanza: Stanza) => Nic {
  return ({ name }) => nicNamed(nics, name);
}

function parse(text: string): { auto: string[]; stanzas: Stanza[] } {
  const auto: string[] = [];
  const stanzas: Stanza[] = [];
  const lines = text.split("\n").map((line) => line.trim());
  for (const line of lines.filter((candidate) => candidate !== "" && !candidate.startsWith("#"))) {
    const [first, rest] = splitOnce(line, " ");
    const [name = "", , method = ""] = rest.split(" ");
    const stanza = stanzas.at(-1);
    if (first === "auto") auto.push(name);
    else if (first === "iface") stanzas.push({ name, method, options: new Map(), postUp: [] });
    else if (first === "post-up") stanza?.postUp.push(rest);
    else stanza?.options.set(first, rest);
  }
  return { auto, stanzas };
}

function readBond({ name, options, postUp }: Stanza, nics: readonly Nic[]): PlannedBond[] {
  const slaves = options.get("bond-slaves");
  if (slaves === undefined) return [];
  const own = [...options].filter(([key]) => key.startsWith("bond-") && !NOT_DRIVER_OPTIONS.includes(key));
  const driver = new Map(own.map(([key, value]) => [key.slice("bond-".length).replaceAll("-", "_"), value]));
  for (const command of postUp) {
    const [, value, option] = /^echo (\S+) > \/sys\/class\/net\/\$IFACE\/bonding\/(\w+)$/.exec(command) ?? [];
    if (value !== undefined && option !== undefined) driver.set(option, value);
  }
  const [primary, mac] = [driver.get("primary"), options.get("hwaddress")];
  return [
    {
      ...bondSettings(driver, " "),
      ...{ name, members: slaves.split(" ").map((slave) => nicNamed(nics, slave)) },
      ...(primary !== undefined && { primary: nicNamed(nics, primary) }),
      ...(mac !== undefined && { mac: readMac(mac) }),
    },
  ];
}

function readDevice({ name, method, options, postUp }: Stanza): Device {
  const parent = options.get("vlan-raw-device");
  const later = postUp.flatMap((command) => /^ip link set dev \$IFACE mtu (\d+)$/.exec(command)?.[1] ?? []);
  const mtu = method === "dhcp" ? later[0] : options.get("mtu");
  return {
    name,
    ...(parent !== undefined && { vlan: { id: Number(name.split(".").at(-1)), parent } }),
    addressing: readAddressing(method, options),
    ...(mtu !== undefined && { mtu: Number(mtu) }),
  };
}

function readAddressing(method: string, options: ReadonlyMap<string, string>): Addressing {
  if (method === "dhcp") return { kind: "dhcp" };
  if (method === "manual") return { kind: "none" };
  const [address, prefix] = (options.get("address") ?? "").split("/");
  const [router, domain] = [options.get("gateway"), options.get("dns-search")];
  return {
    ...{ kind: "static", address: address as Ipv4, prefix: Number(prefix) },
    ...(router !== undefined && { router: router as Ipv4 }),
    dns: (options.get("dns-nameservers")?.split(" ") ?? []) as Ipv4[],
    ...(domain !== undefined && { domain }),
  };
}
