/** Where the API listens, and what becomes of a port that cannot be had. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { silentLog } from "../../../../src/base/log.ts";
import { networkDoorOf } from "../../../../src/server/api/api.ts";
import { Doorways } from "../../../../src/server/api/listen.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";
import { exampleSite } from "../../../support/sites.ts";

test("it is to be had at the server's own address and here, or where the site file says", () => {
  const place = (lines: string) => exampleSite("pair", (text) => `${text}${lines}`).api;
  const [own, named] = [place(""), place("api: {port: 81, listen: [0.0.0.0], metrics: open}\n")];
  assert.ok(own && named);
  assert.deepEqual(networkDoorOf(own, "192.168.0.11"), {
    ...{ port: 8080, addresses: ["192.168.0.11", "127.0.0.1"], hasOpenMetrics: false },
  });
  assert.deepEqual(networkDoorOf(own, "127.0.0.1").addresses, ["127.0.0.1"]);
  assert.deepEqual(networkDoorOf(named, "192.168.0.11"), { port: 81, addresses: ["0.0.0.0"], hasOpenMetrics: true });
  assert.equal(place("api: off\n"), undefined);
});

test("a port in use stops nothing: it is tried again until it is free", async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  const clock = createFakeClock();
  const told: string[] = [];
  const log = { ...silentLog, error: (_fields: object, text: string) => void told.push(text) };
  const doorways = new Doorways({ clock, log });
  t.after(() => doorways.close());
  await doorways.openTcp(() => createServer(), { addresses: ["127.0.0.1"], port });
  assert.equal(doorways.listening, 0);
  assert.match(told.join(), new RegExp(`^API port ${port} on 127\\.0\\.0\\.1 is in use: stop the other server`));
  await new Promise((resolve) => other.close(resolve));
  clock.advance(5000);
  while (doorways.listening === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(doorways.urls(), [`http://127.0.0.1:${port}/`]);
  assert.equal(told.length, 1);
});
