import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { diffLines } from "../../../src/base/line-diff.ts";
import { addHost } from "../../../src/site/edit.ts";
import { exampleText } from "../../support/sites.ts";

const VM3 = {
  name: "vm3",
  nics: ["52:54:00:00:00:07"] as [Mac],
  address: "192.168.77.103" as Ipv4,
  profile: "plain",
};
const SITE = exampleText("single").replace(/hosts:.*/s, "");
const FLOW = 'vm3: {nics: ["52:54:00:00:00:07"], address: 192.168.77.103, profile: plain}';
const OTHER = '{nics: ["52:54:00:00:00:01"], address: 192.168.77.101, profile: plain}';

/** What is added to these lines and what they lose, as a difference. */
function change(hosts: string, host: typeof VM3 = VM3): string[] {
  const before = `${SITE}${hosts}`;
  const { text } = addHost(before, host);
  return diffLines(before.split("\n"), text.split("\n")).flatMap(({ kind, line }) =>
    kind === "same" ? [] : [`${kind === "added" ? "+" : "-"}${line}`],
  );
}

const BLOCK = ["+  vm3:", '+    nics: ["52:54:00:00:00:07"]', "+    address: 192.168.77.103", "+    profile: plain"];

const CASES: ReadonlyArray<readonly [string, string, readonly string[]]> = [
  ["no hosts at all", "", ["+hosts:", ...BLOCK]],
  ["none yet", "hosts: {}   # none yet\n", ["-hosts: {}   # none yet", "+hosts:   # none yet", ...BLOCK]],
  ["a comment between the braces", "hosts: { # none\n}\n", ["-hosts: { # none", `+hosts: {${FLOW} # none`]],
  ["hosts as blocks", `${exampleText("single").replace(/^.*(?=hosts:)/s, "")}# the end\n`, BLOCK],
  ["a host a line", `hosts:\n  vm1: ${OTHER}  # first\n\n# the end\n`, [`+  ${FLOW}`]],
  [
    "blanks inside braces",
    `hosts:\n  vm1: ${OTHER.replace("{", "{ ").replace("}", " }")}\n`,
    [`+  ${FLOW.replace("{", "{ ").replace("}", " }")}`],
  ],
  ["other keys behind it", `hosts:\n    vm1: ${OTHER}\n# names of machines\nnames: {}\n`, [`+    ${FLOW}`]],
  [
    "wide indents",
    `hosts:\n    vm1:\n         profile: plain\n         address: 192.168.77.101\n         nics:\n           - "52:54:00:00:00:01" # left\n`,
    BLOCK.map((line) => line.replace(/^\+( +)/, (_, blanks) => `+    ${blanks.length > 2 ? "     " : ""}`)),
  ],
  ["all in one line", `hosts: {vm1: ${OTHER}}\n`, [`-hosts: {vm1: ${OTHER}}`, `+hosts: {vm1: ${OTHER}, ${FLOW}}`]],
  [
    "a list in braces",
    `hosts: {\n  vm1: ${OTHER} # first\n}\n`,
    [`-  vm1: ${OTHER} # first`, `+  vm1: ${OTHER}, # first`, `+  ${FLOW}`],
  ],
  ["a comma behind the last", `hosts: {\n  vm1: ${OTHER}, # a, b\n}\n`, [`+  ${FLOW},`]],
];

for (const [name, hosts, expected] of CASES) {
  test(`adds a host: ${name}`, () => assert.deepEqual(change(hosts), expected));
}

test("without a newline at the end, and with those of Windows", () => {
  const before = `${SITE}hosts:\n  vm1: ${OTHER}`;
  assert.equal(addHost(before, VM3).text, `${before}\n  ${FLOW}`);
  const windows = `${before}\n`.replaceAll("\n", "\r\n");
  assert.equal(addHost(windows, VM3).text, `${windows}  ${FLOW}\r\n`);
});

test("JSON stays JSON", () => {
  const json = JSON.stringify(
    {
      site: "s",
      subnets: [{ cidr: "192.168.77.0/24" }],
      servers: { one: { address: "192.168.77.1" } },
      trees: { t: { family: "debian", release: "bookworm", path: "/t" } },
      profiles: { plain: { tree: "t" } },
    },
    undefined,
    2,
  );
  const none = JSON.parse(addHost(json, VM3).text);
  const { name, ...fields } = VM3;
  assert.deepEqual(none, { ...JSON.parse(json), hosts: { [name]: fields } });
  const one = JSON.stringify(none, undefined, 2);
  const two = JSON.parse(
    addHost(one, { ...VM3, name: "vm4", nics: ["52:54:00:00:00:08" as Mac], address: "192.168.77.104" as Ipv4 }).text,
  );
  assert.deepEqual(Object.keys(two.hosts), ["vm3", "vm4"]);
});

test("a name that is a number to YAML", () => {
  const added = change(`hosts:\n  vm1: ${OTHER}\n`, { ...VM3, name: "1e5" });
  assert.deepEqual(added, [`+  ${FLOW.replace("vm3", "1e5")}`]);
});

test("what the site file's rules refuse is told with what to do", () => {
  assert.throws(() => change(`hosts:\n  vm1: ${OTHER}\n`, { ...VM3, address: "192.168.77.101" as Ipv4 }), {
    code: "host-refused",
    message: "host vm3 cannot be added: 192.168.77.101 is the address of host vm1 (line 20), choose another",
  });
});

test("hosts that are written elsewhere are left to people", () => {
  const alias = SITE.replace("unknown: ignore", "unknown: ignore\nnames: &none {}");
  assert.throws(() => addHost(`${alias}hosts: *none\n`, VM3), { code: "site-uneditable" });
  assert.throws(() => addHost(`${SITE}hosts:\n  ? vm1\n  : ${OTHER}\n`, VM3), { code: "site-uneditable" });
});
