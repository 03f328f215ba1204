/** `./everboot test`: everything the project claims, in one unattended run. Names of test files narrow it down. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { NFS_PACKAGES } from "../lab/nfs.ts";
import { installPackages, LAB_PURPOSES } from "../lab/prerequisites.ts";
import { UNPACKED_PACKAGES, unpackPackages } from "../lab/unpacked.ts";
import { EverbootError } from "../src/base/errors.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = (name: string) => join(root, "node_modules/.bin", name);

function step(title: string, program: string, args: readonly string[]): void {
  process.stdout.write(`\n== ${title}\n`);
  const result = spawnSync(program, args, { cwd: root, stdio: "inherit" });
  if (result.status !== 0) {
    process.stdout.write(`\neverboot test: not all well in this step: ${title}\n`);
    process.exit(result.status ?? 1);
  }
}

const chosen = process.argv.slice(2);
const files = chosen.length > 0 ? chosen : globSync("test/**/*.test.ts", { cwd: root }).sort();

process.stdout.write("== packages of the system\n");
const tell = (line: string) => void process.stdout.write(`${line}\n`);
await installPackages([...LAB_PURPOSES, "rpm", "clients", "judges"], tell).catch((error) => {
  if (!(error instanceof EverbootError)) throw error;
  tell(`${error.message}\nTests that need them will be skipped.`);
});
for (const name of unpackPackages([...new Set([...UNPACKED_PACKAGES, ...NFS_PACKAGES])], tell))
  tell(`${name} cannot be had: tests that need it will be skipped.`);
if (chosen.length === 0) {
  step("format and lint", bin("biome"), ["check", "--error-on-warnings", "."]);
  step("types", bin("tsc"), ["-p", "tsconfig.json"]);
  step("types of the dashboard", bin("tsc"), ["-p", "web/tsconfig.json"]);
}
/** Of one test file. */
const LONGEST_MS = 600_000;
/** What measures pauses of a second needs the machine for itself. */
const ALONE = [
  ...[
    "apply-cluster",
    "bond-guest",
    "cluster",
    "cluster-drain",
    "cluster-members",
    "dashboard",
    "demo",
    "etcd-cluster",
  ],
  ...[
    "event-flood",
    "fleet",
    "fleet-servers",
    "fleet-storm",
    "floating",
    "floating-health",
    "floating-serial",
    "names-takeover",
    "takeover",
  ],
].map((name) => `test/e2e/${name}.test.ts`);
const alone = files.filter((file) => ALONE.includes(file));
const others = files.filter((file) => !ALONE.includes(file));
// Two at a time: emulated machines and lossy links have deadlines that an overloaded machine would miss.
runTests(others, 2);
runTests(alone, 1);

function runTests(chosenFiles: readonly string[], atOnce: number): void {
  if (chosenFiles.length === 0) return;
  const title = chosenFiles.length > 5 ? `${chosenFiles.length} test files` : chosenFiles.join(" ");
  // A test that hangs is to fail before whoever waits for it loses patience; the lab's long runs have limits of their own.
  const limit = process.env.EVERBOOT_LAB ? [] : [`--test-timeout=${LONGEST_MS}`];
  const flags = ["--disable-warning=ExperimentalWarning", "--test", `--test-concurrency=${atOnce}`, ...limit];
  step(title, process.execPath, [...flags, ...chosenFiles]);
}
