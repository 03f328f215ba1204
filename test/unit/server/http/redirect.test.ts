/** Two HTTP servers: the one that lacks a version sends its clients to the one that has it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../../../src/base/address.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { silentLog } from "../../../../src/base/log.ts";
import { bytesFile } from "../../../../src/content/segments.ts";
import type { RedirectingResolver } from "../../../../src/content/served-file.ts";
import { createHttpServer } from "../../../../src/server/http/server.ts";
import type { Transfer } from "../../../../src/server/server.ts";

async function serve(context: { after(step: () => Promise<void>): void }, resolve: RedirectingResolver) {
  const ended: Transfer[] = [];
  const server = createHttpServer({
    ...{ address: "127.0.0.1" as Ipv4, port: 0, routes: [], resolve, clock: systemClock, log: silentLog },
    observer: { started: () => {}, ended: (transfer) => void ended.push(transfer), request: () => {} },
  });
  await server.start();
  context.after(() => server.stop());
  return { url: `http://127.0.0.1:${server.port}`, ended };
}

const PATH = "/trees/t@0123456789ab/pool/g%2B%2B a?%23.deb".replace(" ", "%20").replace("?", "%3F");

test("the same path, with its query, at the server that has it; ranges and methods are kept", async (context) => {
  const asked: string[] = [];
  const holder = await serve(context, async (path) => {
    asked.push(path);
    return { kind: "file", file: bytesFile(Buffer.from("the package"), "text/plain", 0) };
  });
  const { url, ended } = await serve(context, async () => ({ kind: "elsewhere", at: holder.url }));
  const plain = await fetch(`${url}${PATH}?a=1&b`, { redirect: "manual" });
  assert.equal(plain.status, 307);
  const location = plain.headers.get("location") ?? "";
  assert.equal(location, `${holder.url}/trees/t@0123456789ab/pool/g++%20a%3F%23.deb?a=1&b`);
  assert.equal(plain.headers.get("cache-control"), "no-store");
  assert.equal(await plain.text(), "");
  const followed = await fetch(`${url}${PATH}`, { headers: { Range: "bytes=4-" } });
  assert.deepEqual([followed.status, await followed.text()], [206, "package"]);
  const head = await fetch(`${url}${PATH}`, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, "11"]);
  assert.deepEqual(asked, Array(2).fill("/trees/t@0123456789ab/pool/g++ a?#.deb"));
  assert.ok(ended.length > 0 && ended.every(({ status, bytes }) => status === 307 && bytes === 0));
});

test("what no server that lives has is 503, to be asked for again", async (context) => {
  const details = { tree: "t", version: "0123456789ab" };
  const { url } = await serve(context, async () => ({ kind: "broken", code: "version-away", details }));
  const answer = await fetch(`${url}${PATH}`);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "5");
  assert.equal(await answer.text(), "t: no server that lives has version 0123456789ab: start one that has it\n");
});
