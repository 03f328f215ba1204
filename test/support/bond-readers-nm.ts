/** Reads NetworkManager's keyfiles back into a plan, by nm-settings-keyfile(5). A NIC is called as its connection is. */
import assert from "node:assert/strict";
import type { Ipv4 } from "../../src/base/address.ts";
import type { Addressing, ConfigFile, Device, Nic, PlannedBond } from "../../src/bond/model.ts";
import { Ini, type ReadPlan, said } from "./bond-readers-networkd.ts";
import { bondSettings, nicNamed, readMac } from "./bond-readers-options.ts";

export function readNmconnections(files: readonly Pick<ConfigFile, "text">[]): ReadPlan {
  const keyfiles = files.map(({ text }) => new Ini(text));
  const members = keyfiles.filter((one) => one.one("connection", "slave-type") === "bond");
  const bond = keyfiles.find((one) => one.one("connection", "type") === "bond");
  const others = keyfiles.filter((one) => !members.includes(one));
  const ethernets = keyfiles.filter((one) => one.one("connection", "type") === "ethernet");
  return {
    nics: ethernets.map(readNic),
    devices: others.map(readDevice),
    ...(bond && { bond: readBond(bond, members) }),
  };
}

function readNic(keyfile: Ini): Nic {
  return {
    name: keyfile.one("connection", "id") ?? "",
    mac: readMac(keyfile.one("ethernet", "mac-address") ?? ""),
  };
}

function readBond(keyfile: Ini, connections: readonly Ini[]): PlannedBond {
  const name = keyfile.one("connection", "interface-name") ?? "";
  const members = connections.filter((one) => one.one("connection", "master") === name).map(readNic);
  const primary = keyfile.one("bond", "primary");
  const mac = keyfile.one("ethernet", "cloned-mac-address");
  return {
    ...bondSettings(new Map(keyfile.entries("bond"))),
    ...{ name, members },
    ...(mac !== undefined && { mac: readMac(mac) }),
    ...(primary !== undefined && { primary: nicNamed(members, primary) }),
  };
}

function readDevice(keyfile: Ini): Device {
  const id = keyfile.one("vlan", "id");
  const parent = keyfile.one("vlan", "parent");
  const mtu = keyfile.one("ethernet", "mtu");
  return {
    name: keyfile.one("connection", "interface-name") ?? keyfile.one("connection", "id") ?? "",
    addressing: readAddressing(keyfile),
    ...said({
      vlan: id === undefined || parent === undefined ? undefined : { id: Number(id), parent },
      mtu: mtu === undefined ? undefined : Number(mtu),
    }),
  };
}

function readAddressing(keyfile: Ini): Addressing {
  const method = keyfile.one("ipv4", "method");
  if (method === "auto") return { kind: "dhcp" };
  if (method === "disabled") return { kind: "none" };
  assert.equal(method, "manual");
  const [address, prefix, router] = keyfile.one("ipv4", "address1")?.split(/[/,]/) ?? [];
  const list = (key: string) => keyfile.one("ipv4", key)?.split(";").slice(0, -1) ?? [];
  return {
    ...{ kind: "static", address: address as Ipv4, prefix: Number(prefix), dns: list("dns") as Ipv4[] },
    ...said({ router: router as Ipv4 | undefined, domain: list("dns-search")[0] }),
  };
}
