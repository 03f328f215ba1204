import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mac } from "../../../src/base/address.ts";
import { type BootClient, classifyClient } from "../../../src/boot/client.ts";
import { type PermitAnswer, planBoot } from "../../../src/boot/plan.ts";
import { exampleSite } from "../../support/sites.ts";

const site = exampleSite("single");
const permit = { id: "p1", token: "t".repeat(32), expires: Date.parse("2026-11-20T12:00:00Z") };
const granted: PermitAnswer = { kind: "permit", permit };
const none: PermitAnswer = { kind: "none", why: "it has no permit" };

function machine(
  archCode: number,
  stage: "firmware" | "ipxe" | "http" | "system",
  mac = "52:54:00:00:00:01",
): BootClient {
  const vendorClass = stage === "system" ? undefined : stage === "http" ? "HTTPClient" : "PXEClient";
  return classifyClient(mac as Mac, {
    archCodes: [archCode],
    hasIpxeOptions: stage === "ipxe",
    ...(vendorClass !== undefined && { vendorClass }),
  });
}

function withLoader(loader: string) {
  return exampleSite("single", (text) =>
    text.replace("    tree: debian-12", `    tree: debian-12\n    loader: ${loader}`),
  );
}

const files: ReadonlyArray<[string, string, BootClient, { path: string; as: string } | undefined]> = [
  ["BIOS PXE", "auto", machine(0, "firmware"), { path: "undionly.kpxe", as: "tftp" }],
  ["UEFI PXE", "auto", machine(7, "firmware"), { path: "snponly.efi", as: "tftp" }],
  ["UEFI PXE", "ipxe-full", machine(7, "firmware"), { path: "ipxe.efi", as: "tftp" }],
  ["UEFI PXE", "grub", machine(9, "firmware"), { path: "shimx64.efi", as: "tftp" }],
  ["BIOS PXE", "pxelinux", machine(0, "firmware"), { path: "pxelinux.0", as: "tftp" }],
  ["UEFI HTTP", "auto", machine(16, "http"), { path: "snponly.efi", as: "url" }],
  ["iPXE in BIOS", "auto", machine(0, "ipxe"), { path: "boot/ipxe/52-54-00-00-00-01", as: "url" }],
  ["iPXE in UEFI", "ipxe-full", machine(7, "ipxe"), { path: "boot/ipxe/52-54-00-00-00-01", as: "url" }],
  ["a ROM that is iPXE", "pxelinux", machine(0, "ipxe"), { path: "pxelinux.0", as: "tftp" }],
  ["the installed system", "auto", machine(0, "system"), undefined],
];

for (const [name, loader, client, expected] of files) {
  test(`${name} with loader: ${loader} gets ${expected?.path ?? "no file"}`, () => {
    const plan = planBoot(withLoader(loader), client, () => granted);
    assert.equal(plan.kind, "plan");
    assert.deepEqual(plan.kind === "plan" && plan.file, expected);
  });
}

test("the second NIC of a bond leads to the same host", () => {
  const plan = planBoot(site, machine(0, "ipxe", "52:54:00:00:00:02"), () => granted);
  assert.equal(plan.kind === "plan" && plan.host.name, "vm1");
  assert.equal(plan.kind === "plan" && plan.file?.path, "boot/ipxe/52-54-00-00-00-02");
});

test("without a permit a machine boots from its disk, and the plan says why", () => {
  const plan = planBoot(site, machine(0, "ipxe"), () => none);
  assert.equal(plan.kind === "plan" && plan.action, "local");
  assert.match(plan.kind === "plan" ? (plan.reasons[0] ?? "") : "", /boots from its disk: it has no permit/);
});

test("with a permit it installs", () => {
  const plan = planBoot(site, machine(0, "ipxe"), () => granted);
  assert.equal(plan.kind === "plan" && plan.action, "install");
  assert.equal(plan.kind === "plan" && plan.permit?.id, "p1");
});

test("a machine of no host is refused, not told anything", () => {
  const plan = planBoot(site, machine(0, "ipxe", "52:54:00:00:00:99"), () => granted);
  assert.equal(plan.kind === "refusal" && plan.reason, "unknown-host");
});

test("a machine that the chosen loader does not exist for is refused with the way out", () => {
  const plan = planBoot(withLoader("pxelinux"), machine(7, "firmware"), () => granted);
  assert.equal(plan.kind === "refusal" && plan.reason, "no-loader");
  assert.match(plan.kind === "refusal" ? plan.text : "", /amd64 uefi .* loader: pxelinux; choose another/);
});
