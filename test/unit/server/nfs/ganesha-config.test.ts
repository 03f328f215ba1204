import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCidr } from "../../../../src/base/address.ts";
import { nfsExports } from "../../../../src/server/nfs/exports.ts";
import { type GaneshaOptions, ganeshaConfig } from "../../../../src/server/nfs/ganesha-config.ts";

const lan = parseCidr("192.168.0.0/24");
assert.ok(lan);
const OPTIONS: GaneshaOptions = {
  exports: nfsExports([{ name: "debian-12", folder: "/srv/debian 12" }]),
  versions: [3, 4],
  clients: [lan],
  site: "lab",
  server: "server1",
  recovery: "/var/lib/everboot/nfs/clients",
};

test("only the site's networks get in, and only to read", () => {
  const text = ganeshaConfig(OPTIONS);
  assert.match(text, /^ {2}Access_Type = None;$/m);
  assert.match(text, /^ {2}CLIENT \{ Clients = 192\.168\.0\.0\/24; Access_Type = RO; \}$/m);
  assert.match(text, /^ {2}Squash = All_Squash;$/m);
  assert.match(
    text,
    /^EXPORT \{\n {2}Export_Id = \d+;\n {2}Path = "\/srv\/debian 12";\n {2}Pseudo = "\/trees\/debian-12";$/m,
  );
});

test("without networks everybody reads; one version alone; modules from elsewhere", () => {
  const text = ganeshaConfig({ ...OPTIONS, clients: [], versions: [4], plugins: "/opt/modules" });
  assert.match(text, /^ {2}Access_Type = RO;$/m);
  assert.doesNotMatch(text, /CLIENT|Access_Type = None/);
  assert.equal(text.match(/^ {2}Protocols = 4;$/gm)?.length, 2);
  assert.match(text, /^ {2}Plugins_Dir = "\/opt\/modules";$/m);
});
