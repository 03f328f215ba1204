/** The watchdog itself, a shell script: run for real, with files in place of a network. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  isGuarded,
  isWaiting,
  makeGuardFolder,
  outcomeOf,
  stageFiles,
  startWatchdog,
  tellWatchdog,
} from "../../../src/net/switch-guard.ts";
import { makeSteps } from "../../../src/net/switch-over.ts";

/** Two steps are made: a line each, and each has its way back. */
async function guarded(t: TestContext, seconds: number, pid = process.pid) {
  const root = mkdtempSync(join(tmpdir(), "everboot-guard-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, "switch");
  const notes = join(root, "notes");
  await makeGuardFolder(folder);
  await startWatchdog(folder, seconds, pid);
  const note = (text: string) => ["sh", "-c", `echo ${text} >>'${notes}'`];
  const steps = ["one", "two"].map((name) => ({ what: name, command: note(name), undo: note(`un${name}`) }));
  return {
    folder,
    root,
    steps,
    notesOf: () => (existsSync(notes) ? readFileSync(notes, "utf8").split(/\s+/).join(" ").trim() : ""),
  };
}

const ignore = () => undefined;

test("what is confirmed stays", async (t) => {
  const { folder, steps, notesOf } = await guarded(t, 600);
  assert.ok(await isGuarded(folder));
  assert.ok(!(await isWaiting(folder)));
  await makeSteps(folder, steps, ignore);
  await tellWatchdog(folder, "waiting");
  assert.ok(await isWaiting(folder));
  await tellWatchdog(folder, "confirmed");
  assert.equal(await outcomeOf(folder), "kept");
  assert.equal(notesOf(), "one two");
  assert.ok(!(await isGuarded(folder)));
});

test("what is not confirmed in time is taken back, the last step first", async (t) => {
  const { folder, steps, notesOf } = await guarded(t, 1);
  await makeSteps(folder, steps, ignore);
  await tellWatchdog(folder, "waiting");
  assert.equal(await outcomeOf(folder), "taken-back");
  assert.equal(notesOf(), "one two untwo unone");
});

test("a step that fails is taken back too, and those behind it were never made", async (t) => {
  const { folder, steps, notesOf } = await guarded(t, 600);
  const [first, last] = steps;
  const broken = { what: "break", command: ["sh", "-c", "echo no >&2; exit 3"], undo: first?.undo ?? [] };
  await assert.rejects(makeSteps(folder, [...(first ? [first] : []), broken, ...(last ? [last] : [])], ignore), {
    code: "bond-step",
    message: "break: no",
  });
  await tellWatchdog(folder, "back");
  assert.equal(await outcomeOf(folder), "taken-back");
  assert.equal(notesOf(), "one unone unone");
});

test("when the command dies between two steps, they are taken back without its doing", async (t) => {
  const child = spawn("sleep", ["600"]);
  const { folder, steps, notesOf } = await guarded(t, 600, child.pid);
  await makeSteps(folder, steps, ignore);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(await outcomeOf(folder), "taken-back");
  assert.equal(notesOf(), "one two untwo unone");
});

test("the watchdog is in a session of its own, and does not mind SIGHUP", async (t) => {
  const { folder, steps, notesOf } = await guarded(t, 600);
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  const [, , , , , session] = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/\(.*\)/, "x")
    .split(" ");
  assert.equal(Number(session), pid);
  await makeSteps(folder, steps, ignore);
  await tellWatchdog(folder, "waiting");
  while (!ignoresHangUps(pid)) await pause(10);
  process.kill(pid, "SIGHUP");
  await tellWatchdog(folder, "back");
  assert.equal(await outcomeOf(folder), "taken-back");
  assert.equal(notesOf(), "one two untwo unone");
});

/** Its first line may take a while on a busy computer. */
function ignoresHangUps(pid: number): boolean {
  const mask = /^SigIgn:\s+(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0";
  return (BigInt(`0x${mask}`) & 1n) === 1n;
}

test("a watchdog that was killed is told as such", async (t) => {
  const { folder } = await guarded(t, 600);
  process.kill(Number(readFileSync(join(folder, "pid"), "utf8")), "SIGKILL");
  assert.equal(await outcomeOf(folder), "lost");
});

test("two switch-overs at a time are refused, one after the other keeps the older files", async (t) => {
  const { folder } = await guarded(t, 600);
  await assert.rejects(makeGuardFolder(folder), { code: "bond-refused" });
  await tellWatchdog(folder, "back");
  await outcomeOf(folder);
  await makeGuardFolder(folder);
  assert.ok(existsSync(join(`${folder}.old`, "outcome")));
  assert.ok(!existsSync(join(folder, "outcome")));
});

test("files are staged with a copy of what is there", async (t) => {
  const { folder, root } = await guarded(t, 1);
  const [path, fresh] = [join(root, "etc-one"), join(root, "etc-two")];
  writeFileSync(path, "old\n", { mode: 0o640 });
  const changes = [
    { path, mode: 0o600, text: "new\n" },
    { path: fresh, mode: 0o600, text: "more\n" },
  ];
  const moves = await stageFiles(folder, changes);
  assert.deepEqual(
    moves.map(({ backup }) => backup && readFileSync(backup, "utf8")),
    ["old\n", undefined],
  );
  assert.deepEqual(
    moves.map(({ staged }) => staged && readFileSync(staged, "utf8")),
    ["new\n", "more\n"],
  );
  await tellWatchdog(folder, "back");
  await outcomeOf(folder);
});
