import assert from "node:assert/strict";
import { test } from "node:test";
import { doctorJson, doctorText } from "../../../src/cli/doctor.ts";
import { finding, unseen } from "../../../src/doctor/findings.ts";
import type { CheckReport } from "../../../src/doctor/run.ts";

const LOADER = finding("loader-missing", { loader: "snponly.efi", package: "ipxe" }, "there is no file");
const CLOCK = finding("clock-unkept", {}, "TIME_ERROR");
const BLIND = unseen("not allowed", "run it as root");

test("errors come first, then warnings, then what could not be looked at; the last line counts them", () => {
  const reports: readonly CheckReport[] = [
    { check: "dhcp", findings: [BLIND] },
    { check: "clock", findings: [CLOCK] },
    { check: "loaders", findings: [LOADER] },
  ];
  assert.deepEqual(doctorText(reports), [
    "ERROR    loader snponly.efi is missing",
    "         seen: there is no file",
    "         do:   install package ipxe",
    "warning  nothing keeps this machine's clock right",
    "         seen: TIME_ERROR",
    "         do:   run chrony or systemd-timesyncd",
    "unseen   dhcp: could not look: not allowed",
    "         do:   run it as root",
    "1 error, 1 warning; could not look: dhcp",
  ]);
});

test("nothing found is all well; what could not be looked at is told even then", () => {
  assert.deepEqual(doctorText([{ check: "clock", findings: [] }]), ["all well"]);
  assert.equal(doctorText([{ check: "dhcp", findings: [BLIND] }]).at(-1), "all well; could not look: dhcp");
});

test("as JSON: warnings and what is unseen leave it well, an error does not", () => {
  const well = JSON.parse(doctorJson([{ check: "clock", findings: [CLOCK, BLIND] }]));
  assert.equal(well.well, true);
  assert.deepEqual(well.findings[0], { check: "clock", ...CLOCK });
  assert.equal(JSON.parse(doctorJson([{ check: "loaders", findings: [LOADER] }])).well, false);
});
