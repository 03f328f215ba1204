import assert from "node:assert/strict";
import { test } from "node:test";
import { etcdFlags } from "../../../../src/cluster/etcd/flags.ts";
import { etcdPlaces } from "../../../../src/cluster/etcd/places.ts";
import { exampleSite } from "../../../support/sites.ts";

const { servers } = exampleSite("pair");
const [first] = servers.values();

function placesOf(...etcd: readonly string[]) {
  return etcdPlaces({ servers, etcd });
}

test("the member at a server's address is that server's, any other one a witness", () => {
  assert.ok(first);
  assert.deepEqual(placesOf(`http://${first.address}:2379`, "http://192.168.0.13:4001/"), [
    {
      name: first.name,
      clientUrl: `http://${first.address}:2379`,
      peerUrl: `http://${first.address}:2380`,
      isServer: true,
      canRun: true,
    },
    {
      name: "witness-192.168.0.13",
      clientUrl: "http://192.168.0.13:4001",
      peerUrl: "http://192.168.0.13:4002",
      isServer: false,
      canRun: true,
    },
  ]);
});

test("a URL without a port has the port that the daemon asks", () => {
  const urls = placesOf("http://192.168.0.13", "https://192.168.0.14").map(({ clientUrl }) => clientUrl);
  assert.deepEqual(urls, ["http://192.168.0.13:80", "https://192.168.0.14:443"]);
});

test("what etcd cannot listen on as it stands is somebody else's to run", () => {
  const canRun = placesOf("https://192.168.0.13:2379", "http://etcd.example:2379").map((place) => place.canRun);
  assert.deepEqual(canRun, [false, false]);
});

test("etcd's arguments: the member's own place, who else there is, and the settings that the store asks for", () => {
  const file = {
    ...{ name: "a", clientUrl: "http://10.0.0.1:2379", peerUrl: "http://10.0.0.1:2380", cluster: "new" as const },
    members: { a: "http://10.0.0.1:2380", b: "http://10.0.0.2:2380" },
  };
  assert.equal(
    etcdFlags(file, "/state/etcd/data").join(" "),
    "--name a --data-dir /state/etcd/data" +
      " --listen-client-urls http://10.0.0.1:2379 --advertise-client-urls http://10.0.0.1:2379" +
      " --listen-peer-urls http://10.0.0.1:2380 --initial-advertise-peer-urls http://10.0.0.1:2380" +
      " --initial-cluster a=http://10.0.0.1:2380,b=http://10.0.0.2:2380 --initial-cluster-state new" +
      " --heartbeat-interval 50 --election-timeout 300 --max-txn-ops 16384" +
      " --auto-compaction-mode revision --auto-compaction-retention 10000",
  );
});
