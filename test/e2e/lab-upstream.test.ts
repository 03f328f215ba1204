/** The lab's upstream: an ordinary mirror for a pull-through mirror, counted, and gone when its cable is pulled. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { LabUpstream } from "../../lab/mirror-upstream.ts";
import { Namespace, namespaceObstacle } from "../../lab/netns.ts";

/** Fetches each URL with the headers, one after the other; prints `[status, body, Last-Modified]` or `gone`. */
const FETCH = `
for (const [url, headers] of JSON.parse(process.argv[1])) {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(3000) }).catch(() => undefined);
  const told = answer && [answer.status, await answer.text(), answer.headers.get("last-modified")];
  console.log(JSON.stringify(told ?? "gone"));
}
`;

type Request = readonly [path: string, headers?: Readonly<Record<string, string>>];

async function fetchAll(space: Namespace, ...requests: readonly Request[]): Promise<unknown[]> {
  const list = requests.map(([path, headers = {}]) => [`${LabUpstream.url}/${path}`, headers]);
  const printed = await space.exec(process.execPath, ["--input-type=module", "--eval", FETCH, JSON.stringify(list)]);
  return printed
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** What it tells may come after what it sends. */
async function untilTold({ answers }: LabUpstream, count: number): Promise<void> {
  const deadline = performance.now() + 5000;
  while (answers.length < count && performance.now() < deadline) await delay(10);
}

test("it answers as mirrors do, tells what it answered, and is gone without its cable", {
  skip: namespaceObstacle(),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-test-"));
  mkdirSync(join(folder, "dists"));
  writeFileSync(join(folder, "dists/Release"), "0123456789");
  utimesSync(join(folder, "dists/Release"), 1000, 1_700_000_000.5);
  const near = await Namespace.create("lupn");
  const upstream = await LabUpstream.open({ name: "lupu", near, folder });
  try {
    const date = "Tue, 14 Nov 2023 22:13:20 GMT";
    const answers = await fetchAll(
      near,
      ["dists/Release"],
      ["dists/Release", { "if-modified-since": date }],
      ["dists/Release", { "if-modified-since": "Tue, 14 Nov 2023 22:13:19 GMT" }],
      ["dists/Release", { range: "bytes=7-" }],
      ["dists/Release", { range: "bytes=10-" }],
      ["dists"],
      ["%2e%2e/etc/passwd"],
    );
    assert.deepEqual(answers, [
      [200, "0123456789", date],
      [304, "", null],
      [200, "0123456789", date],
      [206, "789", date],
      [416, "", null],
      [404, "", null],
      [404, "", null],
    ]);
    await untilTold(upstream, answers.length);
    const told = upstream.answers.map(({ status, bytes }) => [status, bytes]);
    assert.deepEqual(told, [
      [200, 10],
      [304, 0],
      [200, 10],
      [206, 3],
      [416, 0],
      [404, 0],
      [404, 0],
    ]);
    await upstream.unplug();
    assert.deepEqual(await fetchAll(near, ["dists/Release"]), ["gone"]);
    assert.equal(upstream.answers.length, told.length);
    await upstream.plugIn();
    assert.deepEqual(await fetchAll(near, ["dists/Release"]), [[200, "0123456789", date]]);
  } finally {
    await upstream.close();
    await near.remove();
    rmSync(folder, { recursive: true });
  }
});
