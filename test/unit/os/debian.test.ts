import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { debian } from "../../../src/os/debian.ts";
import type { OverlayFile } from "../../../src/os/family.ts";
import { assertGolden } from "../../support/golden.ts";
import { installedJudge, judgePreseed } from "../../support/judges.ts";
import { CASES, inputOf, overlayText, renderCase } from "./debian-cases.ts";

const missing = (program: string, how: string, args: readonly string[]) =>
  spawnSync(program, args).error ? `needs the program ${program} (${how})` : false;
const debconf = installedJudge("debconf-set-selections");
const noBusybox = missing("busybox", "package busybox", ["true"]);

/** The overlay as one text: a headline for each file, as `head` prints it. */
function listing(files: readonly OverlayFile[]): string {
  const texts = files
    .filter((file) => file.path !== "preseed.cfg")
    .map(({ path, mode, content }) => {
      const body = typeof content === "string" ? content : `(${content.length} bytes)\n`;
      return `==> ${path} ${mode.toString(8)} <==\n${body}`;
    });
  return texts.join("\n");
}

for (const [name, given] of Object.entries(CASES)) {
  const rendered = renderCase(given);

  test(`${name}: what the installer gets, byte by byte`, () => {
    assertGolden(`os/debian/${name}/preseed.cfg`, rendered.answer.text);
    assertGolden(`os/debian/${name}/kernel-arguments.txt`, `${rendered.kernelArguments.join("\n")}\n`);
    assertGolden(`os/debian/${name}/overlay.txt`, listing(rendered.overlay));
  });

  test(`${name}: debconf takes the preseed file without a warning`, { skip: debconf.obstacle }, () => {
    assert.deepEqual(judgePreseed(debconf, rendered.answer.text), { code: 0, output: "" });
  });

  for (const shell of [["dash"], ["busybox", "ash"]] as const) {
    const [program, ...args] = shell;
    const skip = program === "busybox" ? noBusybox : missing("dash", "package dash", ["-c", ":"]);
    test(`${name}: ${shell.join(" ")} can parse every script`, { skip }, () => {
      const scripts = rendered.overlay.filter((file) => (file.mode & 0o111) !== 0);
      assert.ok(scripts.length > 0);
      for (const { path, content } of scripts) {
        if (String(content).startsWith("#!/bin/bash")) continue;
        const parsed = spawnSync(program, [...args, "-n"], { input: content, encoding: "utf8" });
        assert.deepEqual([parsed.status, parsed.stderr], [0, ""], path);
      }
    });
  }

  test(`${name}: bash can parse the script of the first boot`, () => {
    const script = overlayText(rendered, "everboot/target/usr/local/lib/everboot/first-boot");
    const parsed = spawnSync("bash", ["-n"], { input: script, encoding: "utf8" });
    assert.deepEqual([parsed.status, parsed.stderr], [0, ""]);
  });
}

test("the answer file is in the overlay where the installer looks for it, so nothing fetches it", () => {
  const rendered = renderCase(CASES.minimal);
  assert.equal(overlayText(rendered, "preseed.cfg"), rendered.answer.text);
  assert.ok(!rendered.kernelArguments.some((argument) => argument.includes("url=")));
});

test("every hook that the early script installs is in the overlay", () => {
  const rendered = renderCase(CASES.minimal);
  const hooks = [...overlayText(rendered, "everboot/early").matchAll(/^hook (\S+) /gm)].map(([, hook]) => hook);
  assert.ok(hooks.length > 0);
  for (const hook of hooks) overlayText(rendered, `everboot/${hook}`);
});

test("no directory of the overlay can take the place of a link in the installer's root folder", () => {
  const roots = renderCase(CASES.lvm)
    .overlay.filter(({ path }) => path.includes("/"))
    .map(({ path }) => path.split("/")[0]);
  assert.deepEqual([...new Set(roots)], ["etc", "everboot"]);
});

test("each boot NIC of a host without a bond is the one that is set up", () => {
  const input = inputOf(CASES.minimal);
  const rendered = debian.render({ ...input, mac: "52:54:00:00:00:09" as typeof input.mac });
  assert.ok(rendered.kernelArguments.includes("BOOTIF=01-52-54-00-00-00-09"));
  assert.match(overlayText(rendered, "everboot/target/etc/network/interfaces"), /^auto @52:54:00:00:00:09@$/m);
});

test("kernel and initrd are looked for where netboot images and mirrors have them", () => {
  const found = debian.bootFiles(inputOf(CASES.minimal).tree);
  assert.deepEqual(
    found.map(({ kernel }) => kernel),
    [
      "netboot/linux",
      "linux",
      "netboot/debian-installer/amd64/linux",
      "debian-installer/amd64/linux",
      "dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64/linux",
    ],
  );
  for (const { kernel, initrd } of found) assert.equal(initrd, kernel.replace(/linux$/, "initrd.gz"));
});

test("releases differ in the questions they ask and in their DHCP client", () => {
  const answers = (release: string) => renderCase({ ...CASES.minimal, release }).answer.text;
  assert.doesNotMatch(answers("bullseye"), /non-free-firmware/);
  assert.match(answers("bookworm"), /^d-i apt-setup\/non-free-firmware boolean false$/m);
  assert.match(answers("bookworm"), / isc-dhcp-client /);
  assert.match(answers("trixie"), / dhcpcd-base /);
  assert.match(answers("sid"), / dhcpcd-base /);
});

test("a system that asks DHCP is not told of name servers as well", () => {
  const names = renderCase(CASES.keep).overlay.map(({ path }) => path);
  assert.ok(!names.includes("everboot/target/etc/resolv.conf"));
});
