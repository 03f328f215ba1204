/** Foreign judges of what the family writes, for every kind of bond, address and disk layout, and every release. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { netplanYaml } from "../../../src/bond/netplan.ts";
import { ubuntu } from "../../../src/os/ubuntu.ts";
import { matrixSite } from "../../support/bond-matrix.ts";
import { installedJudge, outsideJudge, runJudge } from "../../support/judges.ts";
import { CASES, inputOf, overlayText, renderCase } from "./ubuntu-cases.ts";

const RELEASES = ["20.04", "22.04", "24.04", "26.04"];
const BAD = join(dirname(fileURLToPath(import.meta.url)), "../../fixtures/judges/autoinstall-bad.yaml");

const schema = outsideJudge("subiquity/autoinstall-schema.json");
const netplan = installedJudge("/usr/libexec/netplan/generate");
const noValidator =
  spawnSync("python3", ["-c", "import jsonschema, yaml"]).status === 0
    ? undefined
    : "needs python3-jsonschema and python3-yaml";

/** Reads the files as the installer does, by PyYAML, and says what is wrong with each. */
const VALIDATE = `
import json, sys, jsonschema, yaml
validator = jsonschema.Draft7Validator(json.load(open(sys.argv[1])))
bad = 0
for path in sys.argv[2:]:
    for error in validator.iter_errors(yaml.safe_load(open(path))["autoinstall"]):
        bad += 1
        print(path, list(error.path), error.message)
sys.exit(1 if bad else 0)
`;

const validate = (files: readonly string[]) => runJudge("python3", ["-c", VALIDATE, schema.path, ...files]);

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "everboot-ubuntu-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function renderAll(release: string) {
  const site = matrixSite({ family: "ubuntu", release });
  return [...site.hosts.values()].map((host) => ({ host, rendered: ubuntu.render(inputOf({ site, host })) }));
}

for (const release of RELEASES) {
  test(`Subiquity's schema takes every host's answer file for ${release}`, {
    skip: schema.obstacle ?? noValidator,
  }, (t) => {
    const place = folder(t);
    const files = renderAll(release).map(({ host, rendered }) => {
      const path = join(place, `${host.name}.yaml`);
      writeFileSync(path, rendered.answer.text);
      return path;
    });
    assert.equal(files.length, 45);
    assert.deepEqual(validate(files), { code: 0, output: "" });
  });
}

test("Subiquity's schema refuses a bad answer file", { skip: schema.obstacle ?? noValidator }, () => {
  const { code, output } = validate([BAD]);
  assert.equal(code, 1);
  assert.match(output, /'x' is not of type 'integer'/);
  assert.match(output, /late-commands/);
});

test("netplan takes the network of installer and installed system of every host", { skip: netplan.obstacle }, (t) => {
  const hosts = renderAll("24.04");
  const networks = hosts.flatMap(({ host, rendered }) => {
    const { network } = parse(rendered.answer.text).autoinstall;
    const installed = overlayText(rendered, "everboot/target/etc/netplan/01-everboot.yaml");
    const bonded = host.bond === undefined ? "" : "-bond0.netdev";
    return [
      { name: `${host.name}-installer`, text: netplanYaml({ network }), wanted: "" },
      { name: host.name, text: installed, wanted: bonded },
    ];
  });
  const place = folder(t);
  for (const { name, text, wanted } of networks) {
    const root = join(place, name);
    mkdirSync(join(root, "etc/netplan"), { recursive: true });
    writeFileSync(join(root, "etc/netplan/01.yaml"), text, { mode: 0o600 });
    assert.deepEqual(runJudge(netplan.path, ["--root-dir", root]), { code: 0, output: "" }, name);
    const made = runJudge("ls", [join(root, "run/systemd/network")]).output;
    assert.ok(made.includes(wanted), `${name}: ${made}`);
  }
});

for (const shell of ["dash", "busybox"]) {
  const { obstacle, path } = installedJudge(shell);
  const parser = shell === "busybox" ? ["sh", "-n"] : ["-n"];

  test(`${shell} can read every script`, { skip: obstacle }, (t) => {
    const place = folder(t);
    const scripts = Object.values(CASES).flatMap((given) =>
      renderCase(given).overlay.filter(({ path: name }) => /^(everboot\/[a-z]+|conf\/.*)$/.test(name)),
    );
    assert.equal(scripts.length, 16);
    for (const { path: name, content } of scripts) {
      const file = join(place, "script");
      writeFileSync(file, content);
      assert.deepEqual(runJudge(path, [...parser, file]), { code: 0, output: "" }, name);
    }
  });
}
