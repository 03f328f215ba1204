import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Export } from "../../../src/export/exports.ts";
import { haresources } from "../../../src/export/haresources.ts";
import { keepalived } from "../../../src/export/keepalived.ts";
import { assertGolden } from "../../support/golden.ts";
import { keepalivedObstacle, keepalivedVerdict } from "../../support/keepalived.ts";
import { exampleSite } from "../../support/sites.ts";
import { FIXTURES, textsOf } from "./export-cases.ts";

const PAIR = exampleSite("pair");
const skip = keepalivedObstacle();

function assertPair(format: Export): void {
  const files = [...textsOf(format, PAIR)].map(([path, text]) => `==> ${path}\n${text}`);
  assertGolden(`export/${format.name}/pair.txt`, files.join("\n"));
}

test("the files of a pair for keepalived", () => assertPair(keepalived));

test("the files of a pair for Heartbeat", () => assertPair(haresources));

test("haresources names owner and address as in the papers", () => {
  assert.deepEqual(textsOf(haresources, PAIR).get("haresources")?.split("\n").slice(1, 3), [
    "server1 192.168.0.253",
    "server2 192.168.0.254",
  ]);
});

test("keepalived accepts each server's file", { skip }, () => {
  const device = Object.keys(networkInterfaces()).find((name) => name !== "lo");
  for (const [path, text] of textsOf(keepalived, PAIR)) {
    const { code, output } = keepalivedVerdict(text.replaceAll("eth0", device ?? ""));
    assert.equal(code, 0, `${path}: ${output}`);
  }
});

test("keepalived refuses the bad twin", { skip }, () => {
  const { code, output } = keepalivedVerdict(readFileSync(join(FIXTURES, "keepalived-bad.conf"), "utf8"));
  assert.notEqual(code, 0);
  assert.match(output, /VRID|192\.168\.0\.999/);
});

test("a site that lacks what is needed is told so", () => {
  const refusals: ReadonlyArray<readonly [Export, string, (text: string) => string, RegExp]> = [
    [
      keepalived,
      "floating",
      (text) => text.replace(/^ *floating: .*\n/gm, ""),
      /no server of site rh9 has a `floating`/,
    ],
    [keepalived, "interface", (text) => text.replace(/^ *interface: .*\n/gm, ""), /server1 has no `interface`/],
    [
      haresources,
      "two servers",
      (text) => text.replace("  server2:", "  third: {address: 192.168.0.13, serves: odd}\n  server2:"),
      /has 3 servers, and haresources is for two/,
    ],
  ];
  for (const [format, what, edit, message] of refusals)
    assert.throws(() => textsOf(format, exampleSite("pair", edit)), { code: "usage", message }, what);
});
