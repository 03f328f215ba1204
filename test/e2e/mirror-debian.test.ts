/** The pull-through mirror against the Debian mirror of this machine's own apt, with Debian's keyring. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { access, readFile, rm } from "node:fs/promises";
import { test } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import { aptUpstream } from "../../src/content/apt-upstream.ts";
import { openMirror } from "../../src/content/mirror.ts";
import { readPackagesFile } from "../../src/content/packages-file.ts";
import type { Lookup } from "../../src/content/served-file.ts";
import type { Tree } from "../../src/site/model.ts";
import { tempFolder } from "./mirror-lab.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const PACKAGES = "dists/bookworm/main/binary-amd64/Packages.xz";

const url = await aptUpstream("debian", "bookworm").catch(() => undefined);

async function obstacle(): Promise<string | undefined> {
  if (url === undefined) return "apt here knows no mirror of Debian 12";
  for (const path of [KEYRING, "/usr/bin/gpgv", "/usr/bin/xz"]) {
    if (
      await access(path).then(
        () => false,
        () => true,
      )
    )
      return `needs ${path}`;
  }
  const signal = AbortSignal.timeout(10_000);
  const answer = await fetch(`${url}/dists/bookworm/InRelease`, { method: "HEAD", signal }).catch(() => undefined);
  return answer?.ok ? undefined : "the mirror of this machine's apt cannot be reached";
}

/** The place of a file, once all of it is there. */
async function placeOf(found: Lookup): Promise<string> {
  const segment = found.kind === "file" ? found.file.segments[0] : undefined;
  assert.ok(segment?.kind === "disk", JSON.stringify(found));
  await segment.arrival?.beyond(segment.length - 1);
  return segment.path;
}

test("mirrors Debian 12 itself, by its signatures", { skip: (await obstacle()) ?? false }, async () => {
  const path = await tempFolder();
  const tree: Tree = { name: "t", family: "debian", release: "bookworm", arch: "amd64", path, upstream: "apt" };
  const mirror = await openMirror(tree, { log: silentLog });
  try {
    const inRelease = await readFile(await placeOf(await mirror.lookup("dists/bookworm/InRelease")), "utf8");
    assert.match(inRelease, /^-----BEGIN PGP SIGNED MESSAGE-----[\s\S]+^Codename: bookworm$/m);
    const index = await readPackagesFile(await placeOf(await mirror.lookup(PACKAGES)), ".xz");
    assert.ok(index.size > 10_000, `${index.size} packages`);
    const [wanted, hash] = [...index].find(([name]) => name.startsWith("pool/main/h/hostname/hostname_")) ?? [];
    assert.ok(wanted !== undefined && hash !== undefined);
    const found = await mirror.lookup(wanted);
    const bytes = await readFile(await placeOf(found));
    assert.equal(createHash("sha256").update(bytes).digest("hex"), hash.sha256);
    assert.equal(bytes.length, hash.size);
  } finally {
    await mirror.close();
    await rm(path, { recursive: true });
  }
});
