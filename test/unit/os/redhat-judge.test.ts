/** Kickstart files of all releases, for hosts of every kind, before pykickstart's validator and two shells. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { redhat } from "../../../src/os/redhat.ts";
import { diskScript } from "../../../src/os/redhat-storage.ts";
import type { Disk, Site } from "../../../src/site/model.ts";
import { matrixSite } from "../../support/bond-matrix.ts";
import { outsideJudge, runJudge } from "../../support/judges.ts";
import { inputOf, Stage, sections } from "./redhat-cases.ts";

/** Release in the site file, and what pykickstart calls its syntax. */
const RELEASES = [
  ["7.9", "RHEL7"],
  ["8", "RHEL8"],
  ["9.6", "RHEL9"],
  ["10", "RHEL10"],
  ["42", "F42"],
] as const;
const BAD_TWIN = fileURLToPath(new URL("../../fixtures/judges/rhel-bad.ks", import.meta.url));

const validator = outsideJudge("pykickstart/tools/ksvalidator.py");
const folder = mkdtempSync(join(tmpdir(), "everboot-judge-"));
after(() => rmSync(folder, { recursive: true }));

function validate(version: string, files: readonly string[]) {
  const PYTHONPATH = join(validator.path, "../..");
  return runJudge("python3", [validator.path, "-v", version, ...files], { env: { PYTHONPATH } });
}

/** What `%pre` makes of a layout on a machine with two disks: the file that the kickstart file includes. */
function diskCommands(disk: Disk, firmware: "bios" | "uefi"): string {
  const stage = new Stage({ after });
  stage.disk("sda", { partitions: [1, 2, 3] });
  stage.disk("sdb");
  if (firmware === "uefi") stage.write("sys/firmware/efi/fw_platform_size", "64\n");
  assert.equal(stage.run(diskScript(disk).join("\n")), 0);
  return stage.read("tmp/everboot/disk.ks");
}

/** Every host's file with the included commands in it; the firmware alternates, so that each layout meets both. */
function kickstarts(site: Site): ReadonlyArray<readonly [host: string, text: string]> {
  const included = new Map<string, string>();
  return [...site.hosts.values()].map((host, index) => {
    const firmware = index % 2 === 0 ? "bios" : "uefi";
    const key = `${host.profile.name} ${firmware}`;
    const commands = included.get(key) ?? diskCommands(host.profile.disk, firmware);
    included.set(key, commands);
    const { text } = redhat.render(inputOf(site, host.name)).answer;
    assert.match(text, /^%include /m);
    return [host.name, text.replace(/^%include .*$/m, () => commands)];
  });
}

for (const [release, version] of RELEASES) {
  const site = matrixSite({ family: "redhat", release });

  test(`release ${release}: ${version} of pykickstart has no complaint about any host`, {
    skip: validator.obstacle,
  }, () => {
    mkdirSync(join(folder, version));
    const files = kickstarts(site).map(([host, text]) => {
      const path = join(folder, version, `${host}.ks`);
      writeFileSync(path, text);
      return path;
    });
    assert.ok(files.length >= 40);
    const { code, output } = validate(version, files);
    assert.equal(code, 0, output);
  });

  test(`release ${release}: both shells can parse every script`, () => {
    const scripts = [...site.hosts.keys()].map((host) =>
      sections(redhat.render(inputOf(site, host)).answer.text, /^%(pre|post|onerror)/).join("\n"),
    );
    for (const input of new Set(scripts)) {
      assert.ok(input.includes("report failed"));
      for (const shell of ["dash", "bash"]) {
        const { status, stderr } = spawnSync(shell, ["-n"], { input, encoding: "utf8" });
        assert.deepEqual([status, stderr], [0, ""]);
      }
    }
  });

  test(`release ${release}: the family can do all that these hosts ask for`, () => {
    for (const host of site.hosts.values()) assert.deepEqual(redhat.problems(host), []);
  });
}

test("the validator refuses the bad twin, and commands that a release has no more", {
  skip: validator.obstacle,
}, () => {
  const bad = validate("RHEL9", [BAD_TWIN]);
  assert.notEqual(bad.code, 0);
  assert.match(bad.output, /--bondslavez/);
  const site = matrixSite({ family: "redhat", release: "7" });
  const old = join(folder, "seven.ks");
  writeFileSync(old, redhat.render(inputOf(site, "h1")).answer.text);
  assert.equal(validate("RHEL7", [old]).code, 0);
  assert.match(validate("RHEL10", [old]).output, /--ntpservers/);
});
