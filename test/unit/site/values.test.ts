import assert from "node:assert/strict";
import { test } from "node:test";
import { formatProblem } from "../../../src/site/problem.ts";
import { exampleText } from "../../support/sites.ts";
import { type Broken, linesOf, testBroken } from "./broken.ts";

const VALUES: readonly Broken[] = [
  {
    name: "not YAML",
    edits: [["dns: [192.168.77.1]", "dns: [192.168.77.1"]],
    lines: [
      "7:5: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ], align it with its neighbours",
    ],
  },
  {
    name: "tab for indentation",
    edits: [["    router:", "\trouter:"]],
    lines: ["5:1: not YAML: Tabs are not allowed as indentation, indent with blanks"],
  },
  {
    name: "second document",
    edits: [["unknown: ignore", "---\nunknown: ignore"]],
    lines: ["10:1: not YAML: a second document starts here, keep one site to a file"],
  },
  {
    name: "key twice",
    edits: [["  vm2:", "  vm1:"]],
    lines: ['25:3: key "vm1" is there twice (line 20), remove one of them'],
  },
  {
    name: "key that is no text",
    edits: [["unknown: ignore", "? [unknown]\n: ignore"]],
    lines: ["10:3: a key must be plain text, give it another name"],
  },
  {
    name: "key that JavaScript minds",
    edits: [["  vm2:", "  __proto__:"]],
    lines: ["25:3: __proto__ cannot be a key, give it another name"],
  },
  {
    name: "alias of nothing",
    edits: [["profile: plain\n  vm2", "profile: *base\n  vm2"]],
    lines: ["24:14: no anchor &base stands before this alias, write the value itself"],
  },
  {
    name: "unknown key near a known one",
    edits: [['    nics: ["52:54:00:00:00:03"]', '    nics: ["52:54:00:00:00:03"]\n    Loadr: ipxe']],
    lines: ['27:5: unknown key "Loadr", did you mean loader?'],
  },
  {
    name: "unknown key near none",
    edits: [["{mode: active-backup, miimon: 100}", "{mode: active-backup, switch: 100}"]],
    lines: [
      '23:33: unknown key "switch", known here: mode, miimon, updelay, downdelay, arp_interval, arp_ip_target, arp_validate, primary_reselect, fail_over_mac, lacp_rate, xmit_hash_policy, ad_select and 8 more',
    ],
  },
  {
    name: "missing keys, marked at the parent",
    edits: [
      ["  - cidr: 192.168.77.0/24\n    router", "  - router"],
      ["    address: 192.168.77.102\n", ""],
    ],
    lines: ["4:5: `cidr` is missing, add it", "24:3: `address` is missing, add it"],
  },
  {
    name: "missing section, marked at the start",
    edits: [["site: home\n", ""]],
    lines: ["2:1: `site` is missing, add it"],
  },
  {
    name: "wrong types",
    edits: [
      ["dns: [192.168.77.1]", "dns: 192.168.77.1"],
      ["release: bookworm", "release: 12"],
      ['root: {password: "$6$rounds=4096$saltsalt$IAmAHashNotAPassword"}', "minimal: 1"],
      ["bond: {mode: active-backup, miimon: 100}", "bond: [1]"],
      ["interface: br0", "interface: {}"],
    ],
    lines: [
      "6:10: `dns` is text, not a list, write it as in [a, b]",
      "12:43: `interface` is a map, write text or a list",
      "14:40: `release` is a whole number, not text, put it in quotes",
      "18:14: `minimal` is a whole number, not true or false, write true or false",
      "23:11: `bond` is a list, not a map, write it as `key: value` lines",
    ],
  },
  {
    name: "no value",
    edits: [
      ["profile: plain\n  vm2", "profile:\n  vm2"],
      ["domain: lab.example", "domain:"],
      ["router: 192.168.77.1", "router: ~"],
    ],
    lines: [
      "5:13: `router` has no value, fill it in or remove it",
      "7:5: `domain` has no value, fill it in or remove it",
      "24:5: `profile` has no value, fill it in",
    ],
  },
  {
    name: "bad addresses of all kinds",
    edits: [
      ["cidr: 192.168.77.0/24", "cidr: 192.168.77.9/24"],
      ["router: 192.168.77.1", "router: 192.168.77.256"],
      ["100-192.168.77.150", "100-192.168.77.15"],
      ["52:54:00:00:00:02", "52:54:00:00:00:0g"],
    ],
    lines: [
      '4:11: "192.168.77.9/24" is no network, write its first address and prefix length as in 192.168.77.0/24',
      '5:13: "192.168.77.256" is no IPv4 address, write four numbers from 0 to 255 as in 192.168.77.1',
      '8:11: "192.168.77.100-192.168.77.15" is no address range, write first and last address, the lower one first, as in 192.168.77.100-192.168.77.150',
      '21:33: "52:54:00:00:00:0g" is no MAC address, write six pairs of hex digits as in 52:54:00:00:00:01',
    ],
  },
  {
    name: "nothing in a list",
    edits: [
      ["interface: br0", "interface: [~]"],
      ["dns: [192.168.77.1]", "dns: [~]"],
    ],
    lines: [
      "6:11: an entry of `dns` has no value, fill it in or remove it",
      "12:44: an entry of `interface` is nothing, write text",
    ],
  },
  {
    name: "bad duration",
    of: "pair",
    edits: [["lease: 4h", "lease: 4 weeks"]],
    lines: ['9:12: "4 weeks" is no duration, write seconds or a unit s, m, h, d as in 14400, 90m, 4h, 1d'],
  },
  {
    name: "numbers out of bounds",
    edits: [
      ["miimon: 100", "miimon: 0"],
      ["interface: br0", "http_port: 65536"],
    ],
    lines: ["12:43: `http_port` is 65536, the most is 65535", "23:41: `miimon` is 0, the least is 1"],
  },
  {
    name: "choice that there is not",
    of: "pair",
    edits: [
      ["balance: parity", "balance: party"],
      ["family: redhat", "family: gentoo"],
      ["mode: active-backup", "mode: 7"],
    ],
    lines: [
      '12:10: `balance` cannot be "party", did you mean parity?',
      '29:21: `family` cannot be "gentoo", write one of redhat, suse, agama, debian, ubuntu',
      '52:18: `mode` cannot be "7", write one of balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb, 0, 1, 2, 3, 4, 5, 6, none',
    ],
  },
  {
    name: "plain password, which is not repeated",
    edits: [["$6$rounds=4096$saltsalt$IAmAHashNotAPassword", "hunter2"]],
    lines: ["18:22: this password is not hashed, write what `openssl passwd -6` prints, in quotes"],
  },
  {
    name: "names",
    edits: [
      ["  vm2:", "  vm_2:"],
      ["site: home", "site: my home"],
      ["interface: br0", "interface: [br0, interface-of-16b]"],
    ],
    lines: [
      '2:7: "my home" is no name, use up to 63 letters, digits, dots, hyphens and underscores, the first a letter or digit',
      '12:49: "interface-of-16b" is no interface name, use up to 15 letters, digits, dots, hyphens and underscores, as in eth0',
      '25:3: "vm_2" is no DNS label, use up to 63 letters, digits and inner hyphens',
    ],
  },
  {
    name: "empty lists and maps",
    edits: [
      ['nics: ["52:54:00:00:00:03"]', "nics: []"],
      ["servers:\n  one: {address: 192.168.77.1, interface: br0}", "servers: {}"],
    ],
    lines: ["11:10: `servers` is empty, name at least one", "25:11: `nics` is empty, name at least one"],
  },
];

testBroken(VALUES);

test("a problem is one line, whatever names it tells", () => {
  const problem = { line: 1, column: 2, what: "host a\r\nb", todo: "rename\u001b it", severity: "error" } as const;
  assert.equal(formatProblem("site.yaml", problem), "site.yaml:1:2: host a b, rename  it");
});

test("an entry with a bad name is checked all the same", () => {
  const text = exampleText("single").replace("  vm2:", "  vm 2:").replace("00:03", "00:zz").replace("  one:", "  1_1:");
  assert.deepEqual(
    linesOf(text).map((line) => line.split(",")[0]),
    ['12:3: "1_1" is no DNS label', '25:3: "vm 2" is no DNS label', '26:12: "52:54:00:00:00:zz" is no MAC address'],
  );
});

test("what cannot be a site at all", () => {
  assert.deepEqual(linesOf(""), ["1:1: the file is empty, describe a site"]);
  assert.deepEqual(linesOf("# nothing\n"), ["1:1: the file is empty, describe a site"]);
  assert.deepEqual(linesOf("- site\n"), ["1:1: the file is a list, not a map, write it as `key: value` lines"]);
  const nested = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
  assert.deepEqual(linesOf(nested), ["1:1: lists or maps are nested too deeply, write it flatter"]);
  assert.deepEqual(linesOf("- ".repeat(20_000)), ["1:1: lists or maps are nested too deeply, write it flatter"]);
});
