/** `api` and `hooks` of the site file. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadSite } from "../../../src/site/load.ts";
import { exampleText } from "../../support/sites.ts";

function load(lines: string, edit: (text: string) => string = (text) => text) {
  return loadSite(edit(`${exampleText("single")}\n${lines}\n`), "/etc/everboot/site.yaml");
}

function faults(lines: string): string[] {
  const loaded = load(lines);
  assert.ok("problems" in loaded);
  return loaded.problems.map(({ what, todo }) => `${what}: ${todo}`);
}

test("defaults, and a hook's secret beside the site file", () => {
  const loaded = load("hooks: [{url: 'http://hook.example/x', secret_file: hook.secret}]");
  assert.ok("site" in loaded);
  assert.deepEqual(loaded.site.api, { port: 8080, metrics: "token" });
  assert.deepEqual(loaded.site.hooks, [
    {
      url: "http://hook.example/x",
      events: ["failed", "stalled", "verified", "differs"],
      secretFile: "/etc/everboot/hook.secret",
    },
  ]);
});

test("where a map or a word may stand, what is wrong in the map is told", () => {
  assert.deepEqual(faults("api: {prot: 1}"), ['unknown key "prot": did you mean port?']);
  assert.deepEqual(faults("api: {port: 0}"), ["`port` is 0: the least is 1"]);
  assert.deepEqual(faults("api: of"), ['`api` cannot be "of": did you mean off?']);
  assert.deepEqual(faults("hooks: [{url: 'http://x/', events: [faild]}]"), [
    'an entry of `events` cannot be "faild": did you mean failed?',
  ]);
});

test("a server whose machines have the API's port is warned of", () => {
  const toPort = (text: string) => text.replace(/(one: \{address: [^,}]+)/, "$1, http_port: 8080");
  const warned = (lines: string) => {
    const loaded = load(lines, toPort);
    assert.ok("site" in loaded);
    return loaded.warnings.filter(({ what }) => what.startsWith("the API")).length;
  };
  assert.equal(warned(""), 1);
  assert.equal(warned("api: off"), 0);
  assert.equal(warned("api: {port: 8081}"), 0);
  assert.equal(warned("api: {listen: [127.0.0.1]}"), 0);
});
