import assert from "node:assert/strict";
import { test } from "node:test";
import { RACK_HOSTS, type RackHost, rackSite } from "../../../lab/rack-site.ts";
import { loadSite } from "../../../src/site/load.ts";

const TREE = { release: "bookworm", path: "/rack/tree", keyring: "/rack/key.gpg" };

function load(hosts: readonly RackHost[]) {
  const loaded = loadSite(rackSite(TREE, hosts), "/rack/site.yaml");
  assert.ok("site" in loaded, JSON.stringify(loaded));
  return loaded;
}

test("the rack's site file has no problem and no warning", () => {
  const { site, warnings } = load(RACK_HOSTS);
  assert.deepEqual(
    warnings.filter(({ severity }) => severity !== "hint"),
    [],
  );
  assert.deepEqual([...site.hosts.keys()], ["vm1", "vm2"]);
  assert.equal(site.trees.get("debian")?.keyring, TREE.keyring);
});

test("a host's bond and loader reach the site", () => {
  const host: RackHost = {
    name: "a",
    nics: ["52:54:00:00:00:0a", "52:54:00:00:00:0b"],
    address: "192.168.77.110",
    bond: true,
    loader: "pxelinux",
  };
  const found = load([host]).site.hosts.get("a");
  assert.deepEqual(found?.bond?.members, host.nics);
  assert.equal(found?.loader, "pxelinux");
});

test("packages come from an upstream where there is one", () => {
  const upstream = "http://198.51.100.2:8000";
  const loaded = loadSite(rackSite({ ...TREE, upstream }, RACK_HOSTS), "/rack/site.yaml");
  assert.ok("site" in loaded, JSON.stringify(loaded));
  assert.equal(loaded.site.trees.get("debian")?.upstream, upstream);
});
