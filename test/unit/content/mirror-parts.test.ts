/** The small parts of the pull-through mirror. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../../src/base/clock.ts";
import { EverbootError } from "../../../src/base/errors.ts";
import { aptUpstream, chooseAptUpstream } from "../../../src/content/apt-upstream.ts";
import { kernelVersion } from "../../../src/content/kernel-version.ts";
import { signatureProblem } from "../../../src/content/signature.ts";
import { RecentKeys, SingleFlight } from "../../../src/content/single-flight.ts";

const VALID = "[GNUPG:] VALIDSIG 4CB5 2026-07-11 1783764997 0 4 0 22 8 01 4CB5";
const status = (...lines: string[]) =>
  lines.map((line) => (line.startsWith("[") ? line : `[GNUPG:] ${line}`)).join("\n");

test("a signature holds when gpgv calls one good and none bad", () => {
  assert.equal(signatureProblem(status("NEWSIG", "KEY_CONSIDERED 4C 0", "SIG_ID x", "GOODSIG 1 me", VALID)), undefined);
  const rollover = status("NEWSIG", "ERRSIG 1 1 8 00 1 9 -", "NO_PUBKEY 1", "NEWSIG", "GOODSIG 2 me", VALID);
  assert.equal(signatureProblem(rollover), undefined);
});

test("a signature does not hold otherwise", () => {
  const bad: Readonly<Record<string, string>> = {
    "nothing said": "",
    "unknown key": status("NEWSIG", "ERRSIG 1 1 8 00 1 9 -", "NO_PUBKEY 1"),
    "expired key": status("NEWSIG", "EXPKEYSIG 1 me", VALID),
    "revoked key": status("NEWSIG", "REVKEYSIG 1 me", VALID),
    "good before, expired now": status("NEWSIG", "GOODSIG 1 me", "NEWSIG", "EXPKEYSIG 1 me", VALID),
    "one bad": status("NEWSIG", "GOODSIG 1 me", VALID, "NEWSIG", "BADSIG 1 me"),
    "SHA-1": status("NEWSIG", "GOODSIG 1 me", VALID.replace(" 8 01", " 2 01")),
    "two texts": status("NEWSIG", "GOODSIG 1 me", VALID, "UNEXPECTED 0"),
    "said by the signed text": `VALIDSIG\n ${VALID}\n[GNUPG:]VALIDSIG`,
  };
  for (const [name, text] of Object.entries(bad)) assert.notEqual(signatureProblem(text), undefined, name);
});

test("apt's own mirror is the one of the family and the very release, over HTTP", async () => {
  const output = [
    "Docker|https://download.example/linux/debian/|bookworm",
    "Debian|cdrom:[Debian]/|bookworm",
    "Debian|http://mirror.example/debian-security/|bookworm-security",
    "Debian|http://mirror.example/debian/|bookworm",
    "Debian|http://second.example/debian/|bookworm",
  ].join("\n");
  assert.equal(chooseAptUpstream(output, "debian", "bookworm"), "http://mirror.example/debian");
  assert.equal(chooseAptUpstream(output, "debian", "trixie"), undefined);
  assert.equal(chooseAptUpstream("", "debian", "bookworm"), undefined);
  assert.equal(await aptUpstream("debian", "bookworm", async () => output), "http://mirror.example/debian");
  await assert.rejects(
    aptUpstream("debian", "trixie", async () => output),
    { code: "upstream-unavailable" },
  );
  const noApt = async () => Promise.reject(Object.assign(new Error("spawn"), { code: "ENOENT" }));
  await assert.rejects(aptUpstream("debian", "bookworm", noApt), { code: "tool-missing" });
});

test("one task for a key at a time, and failures are not kept", async () => {
  const flight = new SingleFlight<number>();
  let runs = 0;
  const gate = Promise.withResolvers<number>();
  const task = () => {
    runs++;
    return gate.promise;
  };
  const both = [flight.run("a", task), flight.run("a", task)];
  gate.resolve(7);
  assert.deepEqual(await Promise.all(both), [7, 7]);
  assert.equal(runs, 1);
  await assert.rejects(flight.run("a", async () => Promise.reject(new EverbootError("internal"))));
  assert.equal(await flight.run("a", async () => 8), 8);
});

test("recent keys are forgotten after their time", () => {
  let now = 0;
  const clock: Clock = { now: () => now, after: () => ({ cancel: () => {} }) };
  const keys = new RecentKeys(clock, 100);
  keys.add("a");
  assert.equal(keys.has("b"), false);
  now = 99;
  assert.equal(keys.has("a"), true);
  now = 100;
  assert.equal(keys.has("a"), false);
});

test("an x86 kernel tells its version, other images do not", () => {
  const head = Buffer.alloc(0x4000);
  head.write("HdrS", 0x202, "latin1");
  head.writeUInt16LE(0x3000, 0x20e);
  head.write("6.1.0-50-amd64 (maker) #1 SMP\0", 0x3200, "latin1");
  assert.equal(kernelVersion(head), "6.1.0-50-amd64");
  assert.equal(kernelVersion(head.subarray(0, 0x1000)), undefined);
  head.writeUInt16LE(0, 0x20e);
  assert.equal(kernelVersion(head), undefined);
  assert.equal(kernelVersion(Buffer.from("MZ")), undefined);
});
