/**
 * The pull-through mirror under whole installs: the packages of a first one come from an upstream, into a cache that
 * begins empty; then the upstream's cable is pulled, and the machine is installed a second time from an empty disk. With
 * a simulated machine always; with a real one, which takes as long as two installs, on demand: EVERBOOT_LAB=mirror.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runInstall } from "../../lab/install-run.ts";
import { prepareMirror } from "../../lab/mirror.ts";
import { namespaceObstacle } from "../../lab/netns.ts";
import { LAB_PURPOSES, packageObstacle } from "../../lab/prerequisites.ts";
import { runSimulation } from "../../lab/simulate/run.ts";
import { MirrorRack, type MirrorRackOptions } from "./lab-mirror-rack.ts";
import { Archive, archiveObstacle, SigningKey } from "./mirror-lab.ts";

const HOST = "vm1";

/** Installs the host on an empty disk, or rejects; for its state afterwards it may wait. */
type Install = (lab: MirrorRack) => Promise<void>;

interface Installed {
  readonly seconds: number;
  /** Different packages that the machine was sent. */
  readonly packages: number;
}

async function timed(lab: MirrorRack, install: Install): Promise<Installed> {
  const since = Date.now();
  await install(lab);
  const seconds = Math.round((Date.now() - since) / 1000);
  return { seconds, packages: await packagesServed(lab, since) };
}

/** What the mirror keeps, and what the machine was sent, is what the upstream's signature vouches for. */
async function packagesServed(lab: MirrorRack, since: number): Promise<number> {
  const kept = lab.keptPackages();
  for (const [path, file] of kept) assert.deepEqual(file, lab.signed.get(path), path);
  const vouched = new Set([...lab.signed.values()].map(({ sha256 }) => sha256));
  for (const [name, { sha256 }] of lab.keptIndices()) assert.ok(sha256 === name && vouched.has(sha256), name);
  const served = await lab.served(HOST, since);
  for (const { path, bytes, broken } of served) {
    assert.equal(broken, undefined, `${path} broke off`);
    assert.equal(bytes, kept.get(path)?.size, path);
  }
  return new Set(served.map(({ path }) => path)).size;
}

/** Each file that the upstream gave was asked for once, and came whole. */
function fetchedOnce({ upstream, signed }: MirrorRack): { readonly files: number; readonly bytes: number } {
  const given = upstream.answers.filter(({ bytes }) => bytes > 0);
  const paths = given.map(({ path }) => path);
  assert.deepEqual(paths, [...new Set(paths)], "fetched more than once");
  for (const { path, status, bytes } of given) {
    assert.equal(status, 200, path);
    const size = signed.get(path)?.size;
    if (size !== undefined) assert.equal(bytes, size, path);
    else assert.match(path, /^dists\/[^/]+\/(InRelease|Release|Release\.gpg)$/);
  }
  return { files: paths.length, bytes: given.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** What the upstream sends is not believed: a package with a wrong byte never arrives whole, nor is it kept. */
async function assertWrongIsRefused(lab: MirrorRack): Promise<void> {
  const { path, size, sha256 } = lab.spare;
  assert.equal(lab.keptPackages().has(path), false, `${path}: an install has fetched it`);
  lab.spoilSpare("upstream");
  const wrong = await lab.fetchSpare();
  assert.ok(wrong.status !== 200 && wrong.bytes < size, JSON.stringify(wrong));
  assert.equal(lab.keptPackages().has(path), false);
  const log = readFileSync(join(lab.rack.folder, "daemon.log"), "utf8");
  assert.match(log, new RegExp(`does not match its signed index: .*: digest [0-9a-f]{64} in place of ${sha256}`));
  lab.spoilSpare("upstream");
  assert.equal((await lab.fetchSpare()).sha256, sha256);
}

/** Nor is the disk: a kept package that has changed is not given out, and fetched again when the upstream is back. */
async function assertChangedIsRefused(lab: MirrorRack): Promise<void> {
  assert.equal((await lab.fetchSpare()).sha256, lab.spare.sha256);
  lab.spoilSpare("kept");
  const away = await lab.fetchSpare();
  assert.equal(away.status, 503);
  assert.match(away.text, /^the upstream mirror http:\/\/\S+ has not answered since /);
  await lab.upstream.plugIn();
  const deadline = performance.now() + 60_000;
  let back = await lab.fetchSpare();
  while (back.status === 503 && performance.now() < deadline) back = await lab.fetchSpare();
  assert.equal(back.sha256, lab.spare.sha256, JSON.stringify(back));
}

/** @returns how many packages each install fetched. */
async function installTwice(t: TestContext, options: MirrorRackOptions, install: Install): Promise<number> {
  const lab = await MirrorRack.open(options);
  try {
    const first = await timed(lab, install);
    const { files, bytes } = fetchedOnce(lab);
    t.diagnostic(`first: ${first.seconds} s, ${first.packages} packages; ${files} files, ${bytes} bytes fetched once`);
    await assertWrongIsRefused(lab);

    await lab.upstream.unplug();
    // Another process, which has checked nothing of what is kept, nor knows that the upstream is away.
    await lab.rack.daemon.stop();
    await lab.rack.daemon.start();
    const answered = lab.upstream.answers.length;
    const second = await timed(lab, install);
    t.diagnostic(`second: ${second.seconds} s, ${second.packages} packages`);
    assert.equal(lab.upstream.answers.length, answered, "the upstream was unplugged");
    assert.equal(second.packages, first.packages);
    await assertChangedIsRefused(lab);
    return first.packages;
  } finally {
    await lab.close();
  }
}

const PACKAGES = 12;
const PACKAGE_BYTES = 200_000;

/** With noise for packages, and a component that nobody asks for. */
async function noiseArchive(key: SigningKey): Promise<Archive> {
  const archive = await Archive.create();
  const payload = () => ({ payload: randomBytes(PACKAGE_BYTES) });
  for (let number = 0; number < PACKAGES; number++) await archive.addPackage(`noise${number}`, "1", payload());
  await archive.addPackage("spare", "1", { udeb: true, ...payload() });
  await archive.publish(key, 1_700_000_000);
  return archive;
}

function fillWithNoise(tree: string): void {
  mkdirSync(join(tree, "netboot"), { recursive: true });
  for (const name of ["linux", "initrd.gz"]) writeFileSync(join(tree, "netboot", name), randomBytes(PACKAGE_BYTES));
}

const simulate: Install = async ({ rack }) => {
  await rack.install(HOST);
  const timeouts: string[] = [];
  const { code, complaint } = await runSimulation(rack, {
    host: HOST,
    pauseMs: 0,
    onStep: ({ step, text }: { step: string; text?: string }) => void (step === "timeout" && timeouts.push(text ?? "")),
  });
  assert.deepEqual([code, complaint, timeouts], [0, "", []]);
  const { state, permit } = await rack.status(HOST);
  assert.deepEqual([state, permit?.state], ["installed", "used"]);
};

test("a simulated machine is installed through the mirror, and again with the upstream unplugged", {
  skip: namespaceObstacle() ?? archiveObstacle(),
}, async (t) => {
  const key = await SigningKey.create();
  const archive = await noiseArchive(key);
  try {
    const fill = async (tree: string) => fillWithNoise(tree);
    const tree = { release: archive.suite, keyring: key.keyring, fill };
    const options = { name: "labmir", archive: archive.root, tree, spare: /^pool\/udeb\/spare_/ };
    assert.equal(await installTwice(t, options, simulate), PACKAGES);
  } finally {
    await archive.remove();
    await key.remove();
  }
});

function wholeObstacle(): string | undefined {
  if (process.env.EVERBOOT_LAB !== "mirror") return "long: set EVERBOOT_LAB=mirror";
  return namespaceObstacle() ?? packageObstacle(...LAB_PURPOSES);
}

/** Ends once the installed machine has said that its bond is as declared. */
const installWhole: Install = async (lab) => {
  rmSync(join(lab.rack.folder, `${HOST}.qcow2`), { force: true });
  const report = await runInstall(lab.rack, {
    host: HOST,
    until: "booted-from-disk",
    stallMs: 20 * 60_000,
    timeoutMs: 150 * 60_000,
    onStage: ({ seconds, stage }) => process.stdout.write(`# ${seconds} s: ${stage}\n`),
    afterwards: async () => assert.equal(await lab.finalState(HOST), "verified"),
  });
  assert.equal(report.outcome, "reached", `${report.outcome}: ${report.screen}`);
};

test("Debian is installed through the mirror and verified, and again with the upstream unplugged", {
  skip: wholeObstacle(),
}, async (t) => {
  const { folder, keyring, image } = await prepareMirror();
  const fill = (_tree: string, importFolder: (from: string) => Promise<void>) => importFolder(image.folder);
  const options = {
    name: "labmir",
    archive: folder,
    // Debian's archive lists the uncompressed lists as well, and does not have them.
    lacking: (path: string) => path.endsWith("/Packages"),
    tree: { release: image.release, keyring, fill },
    spare: /^pool\/deb\/openssh-server_/,
  };
  const packages = await installTwice(t, options, installWhole);
  assert.ok(packages > 150, `${packages} packages`);
});
