import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Io } from "../../../src/cli/command.ts";
import { exportCommand } from "../../../src/cli/export.ts";
import { exampleText } from "../../support/sites.ts";

/** Runs the command in a folder with a site file, which is gone after the test. */
function workplace(t: TestContext, siteText = exampleText("pair")) {
  const cwd = mkdtempSync(join(tmpdir(), "everboot-export-"));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  writeFileSync(join(cwd, "site.yaml"), siteText);
  const said = { out: "", err: "" };
  const io: Io = {
    out: (line) => {
      said.out += `${line}\n`;
    },
    err: (line) => {
      said.err += `${line}\n`;
    },
    write: (text) => {
      said.out += text;
    },
    cwd,
    env: {},
    signal: new AbortController().signal,
    terminal: false,
    columns: 80,
  };
  return { cwd, said, run: (...args: readonly string[]) => exportCommand.run(args, io) };
}

test("prints a single file as it is; --server names the server that clients are sent to", async (t) => {
  const { said, run } = workplace(t);
  assert.equal(await run("kea", "--server", "server2"), 0);
  assert.equal(JSON.parse(said.out).Dhcp4["client-classes"].at(-1)["next-server"], "192.168.0.254");
});

test("warns of a second server where Everboot gives addresses itself", async (t) => {
  const loud = workplace(t);
  await loud.run("isc-dhcp");
  assert.match(loud.said.err, /^everboot: 192\.168\.0\.0\/24 has `dhcp: authoritative`: set `dhcp: off`/);
  const quiet = workplace(t, exampleText("pair").replace("dhcp: authoritative", "dhcp: off"));
  await quiet.run("isc-dhcp");
  assert.equal(quiet.said.err, "");
});

test("--out writes the files there and says which", async (t) => {
  const { cwd, said, run } = workplace(t);
  assert.equal(await run("isc-dhcp", "--out", "etc/dhcp"), 0);
  assert.equal(said.out, "etc/dhcp/dhcpd.conf\netc/dhcp/hosts.inc\n");
  assert.match(readFileSync(join(cwd, "etc/dhcp/hosts.inc"), "utf8"), /^ {2}host cli128 /m);
});

test("misuse and trouble are one line each", async (t) => {
  const { run } = workplace(t);
  await assert.rejects(run("kae"), { code: "usage", message: /^no format kae: .*kea/ });
  await assert.rejects(run("kea", "--server", "three"), {
    code: "server-unknown",
    message: "no server three: name one with --server (server1, server2)",
  });
  await assert.rejects(run("kea", "--out", "site.yaml"), {
    code: "export-unwritable",
    message: "site.yaml/kea-dhcp4.conf: cannot be written (EEXIST): choose another --out",
  });
});
