import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EverbootError } from "../../../src/base/errors.ts";
import type { Check, Scene } from "../../../src/doctor/check.ts";
import { CHECKS } from "../../../src/doctor/checks.ts";
import { FINDINGS, finding } from "../../../src/doctor/findings.ts";
import { CHECK_MS, runChecks } from "../../../src/doctor/run.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { scene } from "./scene.ts";

const check = (name: string, look: (scene: Scene, signal: AbortSignal) => Promise<[]>): Check => ({
  name,
  of: "machine",
  look,
});

test("all checks are told in their order; one that fails or hangs keeps no other from telling", async () => {
  const clock = createFakeClock();
  let stopped = false;
  const hangs = check("hangs", (_, signal) => {
    signal.addEventListener("abort", () => {
      stopped = true;
    });
    return new Promise(() => undefined);
  });
  const fails = (error: unknown) => check("fails", () => Promise.reject(error));
  const missing = new EverbootError("tool-missing", { tool: "nft", purpose: "rules", package: "nftables" });
  const checks = [
    hangs,
    fails(Object.assign(new Error("socket: EPERM"), { code: "EPERM" })),
    fails(missing),
    fails(new EverbootError("port-denied", { protocol: "UDP", port: 67, where: "eth0" })),
    fails(new TypeError("a bug")),
    check("well", async () => []),
  ];
  const running = runChecks(checks, { ...scene(), clock });
  clock.advance(CHECK_MS);
  const told = (await running).map(({ check: name, findings }) => [name, ...findings.map(({ what }) => what)]);
  assert.deepEqual(told, [
    ["hangs", "could not look: not done within 5 s"],
    ["fails", "could not look: not allowed"],
    ["fails", "could not look: nft is missing (for rules)"],
    ["fails", "could not look: UDP port 67 on eth0 is not allowed: run as root or with CAP_NET_BIND_SERVICE"],
    ["fails", "could not look: something unexpected happened"],
    ["well"],
  ]);
  assert.equal(stopped, true);
});

test("what needs to know the server is not looked at on a machine that is none", async () => {
  let looked = 0;
  const each: Check = {
    name: "x",
    of: "server",
    look: async ({ server }) => {
      looked += server.name.length;
      return [];
    },
  };
  const { server: _, ...without } = scene();
  assert.deepEqual(await runChecks([each], without), [{ check: "x", findings: [] }]);
  assert.equal(looked, 0);
  await runChecks([each], scene());
  assert.equal(looked, "server1".length);
});

test("names of checks are there once", () => {
  assert.equal(new Set(CHECKS.map(({ name }) => name)).size, CHECKS.length);
});

test("details fill what and todo", () => {
  const { what, todo } = finding("loader-missing", { loader: "snponly.efi", package: "ipxe" }, "seen");
  assert.deepEqual([what, todo], ["loader snponly.efi is missing", "install package ipxe"]);
});

test("docs/doctor.md has every finding with its severity, and no other", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/doctor.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (error|warning|unseen) \|/gm)].map(([, id, severity]) => [
    id,
    severity,
  ]);
  const table = Object.entries(FINDINGS).map(([id, { severity }]) => [id, severity]);
  assert.deepEqual(rows.sort(), table.sort());
});
