import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LOADERS, type LoaderTable, loaderFile, missingLoaders } from "../../../src/content/loaders.ts";

test("a loader is the first of its places that is there, under the name that clients use", async () => {
  const folder = await mkdtemp(join(tmpdir(), "everboot-test-"));
  try {
    await writeFile(join(folder, "shimx64.efi.signed"), "shim");
    await symlink("shimx64.efi.signed", join(folder, "link"));
    const table: LoaderTable = {
      "shimx64.efi": { package: "shim-signed", paths: [join(folder, "gone"), join(folder, "link")] },
      "ipxe.efi": { package: "ipxe", paths: [join(folder, "gone")] },
    };
    const found = await loaderFile("shimx64.efi", table);
    assert.equal(found.kind, "file");
    assert.equal(found.kind === "file" && found.file.size, 4);
    assert.equal(found.kind === "file" && found.file.contentType, "application/efi");
    assert.deepEqual(await loaderFile("ipxe.efi", table), { kind: "absent" });
    for (const name of ["toString", "__proto__", "constructor", "../shimx64.efi", ""]) {
      assert.deepEqual(await loaderFile(name, table), { kind: "absent" }, name);
    }
    assert.deepEqual(await missingLoaders(["ipxe.efi", "shimx64.efi", "other"], table), [
      { name: "ipxe.efi", package: "ipxe" },
      { name: "other" },
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

const PACKAGE_MARKS: Readonly<Record<string, string>> = {
  ipxe: "/usr/lib/ipxe",
  pxelinux: "/usr/lib/PXELINUX",
  "syslinux-common": "/usr/lib/syslinux/modules/bios",
  "shim-signed": "/usr/lib/shim/shimx64.efi.signed",
  "grub-efi-amd64-signed": "/usr/lib/grub/x86_64-efi-signed",
};

for (const [name, mark] of Object.entries(PACKAGE_MARKS)) {
  const skip = existsSync(mark) ? false : `needs package ${name}`;
  test(`finds the loaders of the installed package ${name}`, { skip }, async () => {
    const names = Object.keys(LOADERS).filter(
      (loader) => LOADERS[loader]?.package === name && !loader.includes("arm64"),
    );
    assert.ok(names.length > 0);
    assert.deepEqual(await missingLoaders(names), []);
  });
}
