import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mac } from "../../../src/base/address.ts";
import { type BootClient, type ClientOptions, classifyClient } from "../../../src/boot/client.ts";

const MAC = "52:54:00:00:00:01" as Mac;
const options = (given: Partial<ClientOptions>): ClientOptions => ({ archCodes: [], hasIpxeOptions: false, ...given });

const cases: ReadonlyArray<[string, Partial<ClientOptions>, Partial<BootClient>]> = [
  [
    "a BIOS PXE ROM",
    { vendorClass: "PXEClient:Arch:00000:UNDI:002001", archCodes: [0] },
    { stage: "firmware", firmware: "bios", arch: "amd64", transport: "tftp" },
  ],
  [
    "EDK II by PXE, code 7",
    { vendorClass: "PXEClient:Arch:00007:UNDI:003001", archCodes: [7] },
    { stage: "firmware", firmware: "uefi", arch: "amd64" },
  ],
  [
    "old firmware that says 9 for x64",
    { vendorClass: "PXEClient", archCodes: [9] },
    { firmware: "uefi", arch: "amd64" },
  ],
  [
    "the first known of several codes",
    { vendorClass: "PXEClient", archCodes: [999, 11] },
    { arch: "arm64", archCode: 11 },
  ],
  ["an unknown code", { vendorClass: "PXEClient", archCodes: [999] }, { arch: "other", archCode: 999 }],
  [
    "UEFI HTTP boot",
    { vendorClass: "HTTPClient:Arch:00016:UNDI:003001", archCodes: [16] },
    { stage: "firmware", firmware: "uefi", transport: "http" },
  ],
  [
    "iPXE by its options",
    { vendorClass: "PXEClient:Arch:00000", archCodes: [0], hasIpxeOptions: true },
    { stage: "ipxe" },
  ],
  ["iPXE by its user class", { userClass: "iPXE", archCodes: [7] }, { stage: "ipxe", firmware: "uefi" }],
  ["the Debian Installer", { vendorClass: "d-i" }, { stage: "installer" }],
  ["Anaconda", { vendorClass: "anaconda-Linux 5.14 x86_64" }, { stage: "installer" }],
  ["an installed system", {}, { stage: "system" }],
];

for (const [name, given, expected] of cases) {
  test(`recognises ${name}`, () => {
    const client = classifyClient(MAC, options(given));
    assert.deepEqual({ ...client, ...expected }, client);
  });
}

test("writes the UUID as firmware set-up shows it", () => {
  const uuid = Uint8Array.from(Buffer.from("33221100554477668899aabbccddeeff", "hex"));
  assert.equal(classifyClient(MAC, options({ uuid })).uuid, "00112233-4455-6677-8899-aabbccddeeff");
});
