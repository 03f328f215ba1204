/** The rooms of ARCHITECTURE.md: imports point down the list, the pure rooms do no I/O, folders match the registry. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { EXPORTS, FAMILIES, POLICIES, SERVERS, STORES } from "../src/registry.ts";
import { BALANCE_POLICIES, KNOWN_FAMILIES } from "../src/site/schema.ts";

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), "../src");

const ROOMS = [
  "base",
  "bond",
  "site",
  "wire",
  "net",
  "os",
  "boot",
  "balance",
  "content",
  "store",
  "cluster",
  "server",
  "export",
  "doctor",
  "registry.ts",
  "daemon-cluster.ts",
  "daemon-common.ts",
  "daemon-state.ts",
  "daemon-trees.ts",
  "daemon-nfs.ts",
  "daemon-site.ts",
  "daemon-revisions.ts",
  "daemon-desk.ts",
  "daemon-servers.ts",
  "daemon-run.ts",
  "daemon.ts",
  "cli",
];
const PURE = new Set(["base", "site", "wire", "bond", "os", "boot", "balance"]);
/** Node modules that only compute. */
const COMPUTING = new Set(["node:crypto", "node:path", "node:util", "node:zlib", "node:buffer"]);
/** Chooses between two ways of the same work, for whoever opens a socket. */
const PATH_SWITCH = "net/plain-path.ts";
const MAX_LINES = 350;

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesBelow(path);
    return path.endsWith(".ts") ? [path] : [];
  });
}

const files = filesBelow(SRC);
const roomOf = (path: string) => relative(SRC, path).split("/")[0] ?? "";

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
}

function importsOf(path: string): Import[] {
  const text = readFileSync(path, "utf8");
  const statements = text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"/gm);
  const lazy = text.matchAll(/\bimport\("([^"]+)"\)/g);
  return [
    ...Array.from(statements, (match) => ({ target: match[2] ?? "", typeOnly: match[1] !== undefined })),
    ...Array.from(lazy, (match) => ({ target: match[1] ?? "", typeOnly: false })),
  ];
}

test("every file belongs to a room", () => {
  assert.deepEqual(
    [...new Set(files.map(roomOf))].filter((room) => !ROOMS.includes(room)),
    [],
  );
});

test("imports point down the list of rooms, never up", () => {
  const upward = files.flatMap((path) =>
    importsOf(path)
      .filter(({ target }) => target.startsWith("."))
      .map(({ target }) => resolve(dirname(path), target))
      .filter((target) => ROOMS.indexOf(roomOf(target)) > ROOMS.indexOf(roomOf(path)))
      .map((target) => `${relative(SRC, path)} -> ${relative(SRC, target)}`),
  );
  assert.deepEqual(upward, []);
});

test("no file imports itself through others", () => {
  const graph = new Map(
    files.map((path) => [
      path,
      importsOf(path)
        .filter(({ target, typeOnly }) => target.startsWith(".") && !typeOnly)
        .map(({ target }) => resolve(dirname(path), target)),
    ]),
  );
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path))
      circles.push([...trail.slice(trail.indexOf(path)), path].map((p) => relative(SRC, p)).join(" -> "));
    if (done.has(path) || trail.includes(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of files) walk(path, []);
  assert.deepEqual(circles, []);
});

test("the pure rooms do no I/O", () => {
  const impure = files
    .filter((path) => PURE.has(roomOf(path)))
    .flatMap((path) =>
      importsOf(path)
        .filter(({ target }) => target.startsWith("node:") && !COMPUTING.has(target))
        .map(({ target }) => `${relative(SRC, path)} imports ${target}`),
    );
  assert.deepEqual(impure, []);
});

test("only the command line reads the environment and ends the process", () => {
  const reading = files
    .filter((path) => roomOf(path) !== "cli" && relative(SRC, path) !== PATH_SWITCH)
    .filter((path) => /\bprocess\.(env|argv|exit)\b/.test(readFileSync(path, "utf8")))
    .map((path) => relative(SRC, path));
  assert.deepEqual(reading, []);
});

test(`no file is longer than ${MAX_LINES} lines`, () => {
  const long = files.filter((path) => readFileSync(path, "utf8").split("\n").length > MAX_LINES);
  assert.deepEqual(
    long.map((path) => relative(SRC, path)),
    [],
  );
});

/** Exported constants of the type that makes a file a member of its room. */
function exportsOfType(room: string, type: string): string[] {
  const pattern = new RegExp(`^export const \\w+: ${type} =`, "m");
  return readdirSync(join(SRC, room))
    .filter((name) => pattern.test(readFileSync(join(SRC, room, name), "utf8")))
    .map((name) => name.replace(/\.ts$/, ""));
}

test("every OS family in src/os is in the registry, under its file's name", () => {
  assert.deepEqual(exportsOfType("os", "Family").sort(), [...FAMILIES.keys()].sort());
});

test("every family that a site file may name is in the registry", () => {
  assert.deepEqual([...KNOWN_FAMILIES].sort(), [...FAMILIES.keys()].sort());
});

test("every policy in src/balance is in the registry, under its file's name", () => {
  assert.deepEqual(exportsOfType("balance", "BalancePolicy").sort(), [...POLICIES.keys()].sort());
});

test("every policy that a site file may name is in the registry", () => {
  assert.deepEqual([...BALANCE_POLICIES].sort(), [...POLICIES.keys()].sort());
});

test("every export in src/export is in the registry, under its file's name", () => {
  assert.deepEqual(exportsOfType("export", "Export").sort(), [...EXPORTS.keys()].sort());
});

test("every folder of src/server is in the registry", () => {
  const folders = readdirSync(join(SRC, "server")).filter((name) => statSync(join(SRC, "server", name)).isDirectory());
  assert.deepEqual(folders.sort(), [...SERVERS].sort());
});

test("every store in src/store is in the registry", () => {
  const opened = readdirSync(join(SRC, "store")).filter((name) =>
    /^export (?:async )?function (?:create|open)\w*Store\b/m.test(readFileSync(join(SRC, "store", name), "utf8")),
  );
  assert.deepEqual(opened.map((name) => name.replace(/\.ts$/, "")).sort(), [...STORES].sort());
});
