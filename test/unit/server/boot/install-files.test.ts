import assert from "node:assert/strict";
import { test } from "node:test";
import type { OrderServers } from "../../../../src/balance/site-orders.ts";
import type { Ipv4 } from "../../../../src/base/address.ts";
import type { Family, FamilyInput } from "../../../../src/os/family.ts";
import { createInstallFiles, type InstallOf } from "../../../../src/server/boot/install-files.ts";
import type { Server as SiteServer } from "../../../../src/site/model.ts";
import type { ServerView } from "../../../../src/site/server-view.ts";
import { exampleSite } from "../../../support/sites.ts";

const site = exampleSite("pair");
const SERVER2: ServerView = { name: "server2", address: "192.168.0.12" as Ipv4, httpPort: 80 };

/** Serves the list of servers that it was told of. */
function echoFamily(): { family: Family; inputs: FamilyInput[] } {
  const inputs: FamilyInput[] = [];
  const family: Family = {
    name: "redhat",
    detect: () => undefined,
    bootFiles: () => [],
    problems: () => [],
    readLog: () => undefined,
    render: (input) => {
      inputs.push(input);
      return { kernelArguments: [], answer: { name: "", contentType: "", text: "" }, overlay: [] };
    },
  };
  return { family, inputs };
}

function open(order: OrderServers = () => [...site.servers.values()]) {
  const { family, inputs } = echoFamily();
  const files = createInstallFiles({
    site,
    families: new Map([[family.name, family]]),
    order,
    tree: async () => ({ kind: "absent" }),
  });
  return { files, inputs };
}

function installBy(server: ServerView): InstallOf {
  const host = site.hosts.get("cli128");
  if (!host) throw new Error("the site lacks cli128");
  return { host, mac: host.nics[0], server, permit: { token: "t0ken" } };
}

test("the server that answers comes first, the others by their floating addresses", async () => {
  const { files, inputs } = open();
  await files.render(installBy(SERVER2));
  const told = inputs[0]?.servers.map(({ view, tree, report }) => ({ view, tree, report }));
  assert.deepEqual(told, [
    {
      view: SERVER2,
      tree: "http://192.168.0.12/trees/rocky-9",
      report: "http://192.168.0.12/report/t0ken",
    },
    {
      view: { name: "server1", address: "192.168.0.253", httpPort: 80 },
      tree: "http://192.168.0.253/trees/rocky-9",
      report: "http://192.168.0.253/report/t0ken",
    },
  ]);
});

test("the others follow in the host's order", async () => {
  const [first, second] = [...site.servers.values()];
  if (!first || !second) throw new Error("the site lacks a server");
  const third = { ...first, name: "server3", address: "192.168.0.13", floating: "192.168.0.252" } as SiteServer;
  const cases = [
    { order: [first, third, second], urls: ["192.168.0.12", "192.168.0.253", "192.168.0.252"] },
    { order: [third, second, first], urls: ["192.168.0.12", "192.168.0.252", "192.168.0.253"] },
  ];
  for (const { order, urls } of cases) {
    const asked: string[] = [];
    const { files, inputs } = open(({ name }) => {
      asked.push(name);
      return order;
    });
    await files.render(installBy(SERVER2));
    assert.deepEqual(
      inputs[0]?.servers.map(({ view }) => view.address),
      urls,
    );
    assert.deepEqual(asked, ["cli128"]);
  }
});

test("a server that goes by its floating address is not told twice", async () => {
  for (const address of ["192.168.0.12", "192.168.0.254"] as Ipv4[]) {
    const { files, inputs } = open();
    await files.render(installBy({ address, httpPort: 80 }));
    assert.deepEqual(
      inputs[0]?.servers.map(({ view }) => view.address),
      [address, "192.168.0.253"],
    );
  }
});
