import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import type { Ipv4 } from "../../../../src/base/address.ts";
import {
  claimOf,
  floatingAddresses,
  keepalivedConfig,
  nextByName,
} from "../../../../src/cluster/floating/keepalived-config.ts";
import { supervisionFiles } from "../../../../src/cluster/floating/supervision.ts";
import type { Server, Site } from "../../../../src/site/model.ts";
import { assertGolden } from "../../../support/golden.ts";
import { keepalivedObstacle, keepalivedVerdict } from "../../../support/keepalived.ts";
import { exampleSite } from "../../../support/sites.ts";

const PAIR = exampleSite("pair");
const FILES = supervisionFiles("/var/lib/everboot/floating");

function serverOf(site: Site, name: string): Server {
  const server = site.servers.get(name);
  assert.ok(server);
  return server;
}

/** `numbers` are the last octets of floating addresses, by server. */
function siteWith(numbers: readonly number[], edit: (server: Server) => Server = (server) => server): Site {
  const [first] = PAIR.servers.values();
  assert.ok(first);
  const servers = numbers.map((number, index) => {
    const name = `s${index + 1}`;
    return edit({ ...first, name, address: `192.168.0.${index + 1}` as Ipv4, floating: `192.168.0.${number}` as Ipv4 });
  });
  return { ...PAIR, servers: new Map(servers.map((server) => [server.name, server])) };
}

const configOf = (site: Site, name: string, device = "eth0") =>
  keepalivedConfig({
    ...{ site, server: serverOf(site, name), steering: FILES },
    place: () => ({ device, prefix: 24 }),
  });

const heirsOf = (site: Site) => floatingAddresses(site).map(({ holders }) => holders.map(({ name }) => name).join(" "));

test("the configuration of a server that a daemon steers", () =>
  assertGolden("export/keepalived/steered.txt", configOf(PAIR, "server1")));

test("keepalived accepts it", { skip: keepalivedObstacle() }, () => {
  const device = Object.keys(networkInterfaces()).find((name) => name !== "lo");
  assert.ok(device);
  const { code, output } = keepalivedVerdict(configOf(PAIR, "server1", device));
  assert.equal(code, 0, output);
});

test("each of three dead servers has another first heir", () => {
  assert.deepEqual(heirsOf(siteWith([101, 102, 103])), ["s1 s2 s3", "s2 s3 s1", "s3 s1 s2"]);
});

test("priorities fall along the order of heirs, as far apart as they can be", () => {
  const numbers = [101, 102, 103, 104, 105, 106, 107, 108, 109];
  const priorities = (count: number) => {
    const site = siteWith(numbers.slice(0, count));
    return [...site.servers.keys()].map((name) => {
      const [, block = ""] = configOf(site, name).split("vrrp_instance 192.168.0.101 {");
      return Number(/priority (\d+)/.exec(block)?.[1]);
    });
  };
  assert.deepEqual(priorities(1), [240]);
  assert.deepEqual(priorities(2), [240, 180]);
  assert.deepEqual(priorities(3), [240, 180, 120]);
  assert.deepEqual(priorities(9), [240, 213, 186, 159, 132, 105, 78, 51, 24]);
});

test("an heir's claim lifts it above all owners, and keeps the order of heirs", () => {
  const lifted = (count: number) => {
    const site = siteWith([101, 102, 103, 104, 105, 106, 107, 108, 109].slice(0, count));
    return [...site.servers.keys()].slice(1).map((name, index) => {
      const [, block = ""] = configOf(site, name).split("vrrp_instance 192.168.0.101 {");
      return Number(/priority (\d+)/.exec(block)?.[1]) + claimOf(index + 1, count);
    });
  };
  assert.deepEqual(lifted(2), [253]);
  assert.deepEqual(lifted(9), [253, 252, 251, 250, 249, 248, 247, 246]);
});

test("adverts are slower where a server has a serial line alone beside the LAN, on every server", () => {
  const adverts = (keys: (name: string) => Partial<Server>) => {
    const site = siteWith([101, 102], (server) => ({ ...server, ...keys(server.name) }));
    return [...site.servers.keys()].map((name) => /advert_int (.*)/.exec(configOf(site, name))?.[1]);
  };
  const serial = "/dev/ttyS0";
  assert.deepEqual(
    adverts(() => ({ serial, links: ["10.0.0.1" as Ipv4] })),
    ["0.07", "0.07"],
  );
  assert.deepEqual(
    adverts((name) => (name === "s1" ? { serial, links: [] } : {})),
    ["0.08", "0.08"],
  );
});

test("an order of heirs can be given", () => {
  const reversed = floatingAddresses(siteWith([101, 102, 103]), (owner, others) =>
    nextByName(owner, others).toReversed(),
  );
  assert.deepEqual(
    reversed.map(({ holders }) => holders.map(({ name }) => name).join(" ")),
    ["s1 s3 s2", "s2 s1 s3", "s3 s2 s1"],
  );
});

test("a server elsewhere is no heir; one without a floating address can be", () => {
  const elsewhere = siteWith([101, 102, 103], (server) =>
    server.name === "s2" ? { ...server, address: "10.9.0.1" as Ipv4 } : server,
  );
  assert.equal(heirsOf(elsewhere)[0], "s1 s3");
  const spare = siteWith([101, 102, 103], (server) => {
    const { floating, ...rest } = server;
    return server.name === "s2" || floating === undefined ? rest : server;
  });
  assert.deepEqual(heirsOf(spare), ["s1 s2 s3", "s3 s1 s2"]);
  assert.match(configOf(spare, "s2"), /vrrp_instance 192\.168\.0\.101 \{/);
});

test("an address without a place on this server is left out", () => {
  const config = keepalivedConfig({
    ...{ site: PAIR, server: serverOf(PAIR, "server1") },
    place: (address) => (address === "192.168.0.253" ? { device: "eth0", prefix: 24 } : undefined),
  });
  assert.deepEqual(config.match(/^vrrp_instance .*$/gm), ["vrrp_instance 192.168.0.253 {"]);
});

test("router ids are the last octets; all are valid, differ, and are the same on every server", () => {
  const ids = (site: Site) => floatingAddresses(site).map(({ routerId }) => routerId);
  assert.deepEqual(ids(PAIR), [253, 254]);
  const octets = fc.uniqueArray(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(octets, (numbers) => {
      const site = siteWith(
        numbers.map(() => 1),
        (server) => {
          const number = numbers[Number(server.name.slice(1)) - 1] ?? 0;
          return { ...server, floating: `10.1.${number >> 8}.${number & 255}` as Ipv4 };
        },
      );
      const found = ids(site);
      assert.equal(new Set(found).size, numbers.length);
      assert.ok(found.every((id) => id >= 1 && id <= 255));
    }),
  );
});
