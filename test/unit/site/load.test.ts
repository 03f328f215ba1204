import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { loadSite } from "../../../src/site/load.ts";
import type { Site } from "../../../src/site/model.ts";
import { formatProblem } from "../../../src/site/problem.ts";
import { exampleSite, exampleText } from "../../support/sites.ts";
import { linesOf, troublesOf } from "./broken.ts";

/** The first host of an example, after an edit. */
function firstHost(edit: (text: string) => string) {
  const [host] = exampleSite("single", edit).hosts.values();
  assert.ok(host);
  return host;
}

test("the examples are accepted as they are, with nothing but hints", () => {
  for (const [name, hints] of [
    ["single", 1],
    ["pair", 2],
  ] as const) {
    const lines = linesOf(exampleText(name));
    assert.equal(lines.length, hints);
    for (const line of lines) assert.match(line, /^\d+:\d+: hint: /);
  }
});

test("single.yaml in full", () => {
  const site = exampleSite("single");
  const [vm1, vm2] = site.hosts.values();
  assert.equal(site.name, "home");
  assert.equal(site.revision, createHash("sha256").update(exampleText("single")).digest("hex"));
  assert.deepEqual(site.subnets, [
    {
      cidr: { base: "192.168.77.0", prefix: 24 },
      router: "192.168.77.1",
      dns: ["192.168.77.1"],
      domain: "lab.example",
      pool: { first: "192.168.77.100", last: "192.168.77.150" },
      lease: 14400,
      dhcp: "authoritative",
    },
  ]);
  assert.deepEqual(site.unknown, { kind: "ignore" });
  assert.equal(site.balance, "rendezvous");
  assert.deepEqual(site.servers.get("one"), {
    name: "one",
    address: "192.168.77.1",
    interfaces: ["br0"],
    links: [],
    weight: 1,
    httpPort: 80,
    ftp: false,
  });
  const tree = { name: "debian-12", family: "debian", release: "bookworm", arch: "amd64", path: "/trees/debian-12" };
  assert.deepEqual(site.trees.get("debian-12"), tree);
  assert.deepEqual(site.profiles.get("plain"), {
    name: "plain",
    tree,
    via: "http",
    loader: "auto",
    language: "en_US.UTF-8",
    keyboard: "us",
    timezone: "Etc/UTC",
    ntp: [],
    root: { password: "$6$rounds=4096$saltsalt$IAmAHashNotAPassword", sshKeys: [] },
    users: [],
    disk: { layout: "plain", devices: [], keep: [] },
    network: "static",
    packages: [],
    recommends: true,
    minimal: false,
    early: [],
    late: [],
    firstBoot: [],
    kernelArguments: [],
    installedKernelArguments: [],
    answers: [],
    mirrors: [],
  });
  assert.deepEqual(vm1, {
    name: "vm1",
    nics: ["52:54:00:00:00:01", "52:54:00:00:00:02"],
    address: "192.168.77.101",
    subnet: site.subnets[0],
    bond: {
      ...{ device: "bond0", mode: "active-backup", miimon: 100, vlans: [] },
      members: ["52:54:00:00:00:01", "52:54:00:00:00:02"],
    },
    network: "static",
    profile: site.profiles.get("plain"),
    loader: "auto",
  });
  assert.deepEqual([...site.hostByMac.values()], [vm1, vm1, vm2]);
  assert.deepEqual(
    [...site.hostByAddress],
    [
      ["192.168.77.101", vm1],
      ["192.168.77.102", vm2],
    ],
  );
});

test("what pair.yaml has beyond it", () => {
  const site = exampleSite("pair");
  assert.equal(site.balance, "parity");
  assert.deepEqual(site.names, { install: "ftp.youyuanyin.org" });
  assert.deepEqual(site.etcd, ["http://192.168.0.11:2379", "http://192.168.0.12:2379"]);
  assert.deepEqual(site.servers.get("server2"), {
    name: "server2",
    address: "192.168.0.12",
    floating: "192.168.0.254",
    interfaces: ["eth0"],
    links: ["10.0.0.4"],
    serves: "even",
    weight: 1,
    httpPort: 80,
    ftp: false,
  });
  assert.equal(site.trees.get("rocky-9")?.release, "9");
  assert.equal(site.hosts.get("fileserver")?.bond?.primary, "00:1a:64:98:a3:a6");
});

test("keys in snake case, paths, users and hosts' own choices", () => {
  const site = exampleSite("single", (text) =>
    text
      .replace("interface: br0", "interface: [br0, br1], http_port: 8080")
      .replace("path: ./trees/debian-12", "path: /srv/../mnt/d12, keyring: keys/own.gpg, upstream: apt, arch: arm64")
      .replace(
        "    root:",
        "    users: [{name: ann, ssh_keys: [ssh-ed25519 AAAA], sudo: true}, {name: bob, full_name: Bob B., password: '!'}]\n" +
          "    kernel_arguments: [console=ttyS0]\n    installed_kernel_arguments: [quiet]\n    loader: ipxe\n    root:",
      )
      .replace("profile: plain\n  vm2", "profile: plain\n    loader: grub\n  vm2"),
  );
  const server = site.servers.get("one");
  const tree = site.trees.get("debian-12");
  const profile = site.profiles.get("plain");
  assert.deepEqual([server?.interfaces, server?.httpPort], [["br0", "br1"], 8080]);
  assert.deepEqual(
    [tree?.path, tree?.keyring, tree?.upstream, tree?.arch],
    ["/mnt/d12", "/keys/own.gpg", "apt", "arm64"],
  );
  assert.deepEqual(profile?.users, [
    { name: "ann", fullName: "ann", sshKeys: ["ssh-ed25519 AAAA"], sudo: true },
    { name: "bob", fullName: "Bob B.", password: "!", sshKeys: [], sudo: false },
  ]);
  assert.deepEqual([profile?.kernelArguments, profile?.installedKernelArguments], [["console=ttyS0"], ["quiet"]]);
  assert.deepEqual([site.hosts.get("vm1")?.loader, site.hosts.get("vm2")?.loader], ["grub", "ipxe"]);
});

test("durations", () => {
  const leaseOf = (lease: string) =>
    exampleSite("single", (text) => text.replace("    dhcp:", `    lease: ${lease}\n    dhcp:`)).subnets[0]?.lease;
  const texts = ["4h", "90m", "14400", '"14400"', "1d", "30s"];
  assert.deepEqual(texts.map(leaseOf), [14400, 5400, 14400, 14400, 86400, 30]);
});

test("modes of bonds by name and by number, members and primary", () => {
  const bondOf = (bond: string) => firstHost((text) => text.replace("{mode: active-backup, miimon: 100}", bond)).bond;
  const modes = [0, 1, 2, 3, 4, 5, 6].map((mode) => bondOf(`{mode: ${mode}}`)?.mode);
  const names = ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"];
  assert.deepEqual(modes, names);
  for (const mode of names) assert.equal(bondOf(`{mode: ${mode}}`)?.mode, mode);
  const all = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
  const rest = { device: "bond0", vlans: [] };
  assert.deepEqual(bondOf("{}"), { ...rest, mode: "active-backup", miimon: 100, members: all });
  const members = all.toReversed();
  assert.deepEqual(bondOf(`{members: ${JSON.stringify(members)}, primary: 52-54-00-00-00-02}`), {
    ...rest,
    mode: "active-backup",
    miimon: 100,
    members,
    primary: "52:54:00:00:00:02",
  });
});

test("unknown machines can be given a profile", () => {
  const site: Site = exampleSite("single", (text) =>
    text.replace("unknown: ignore", "unknown: plain").replace("77.100-192.168.77.150", "77.200-192.168.77.210"),
  );
  assert.deepEqual(site.unknown, { kind: "profile", profile: site.profiles.get("plain") });
});

test("a host's address may lie in a pool that is not used", () => {
  assert.deepEqual(troublesOf(exampleText("single").replace("unknown: ignore\n", "")), []);
});

test("a subnet of two addresses has no network and no broadcast address (RFC 3021)", () => {
  const text = exampleText("single")
    .replace("unknown:", "  - {cidr: 10.0.0.0/31}\nunknown:")
    .replace("192.168.77.101", "10.0.0.0")
    .replace("192.168.77.102", "10.0.0.1");
  assert.deepEqual(troublesOf(text), []);
});

test("aliases stand for what they name", () => {
  const host = firstHost((text) =>
    text.replace(
      "  plain:",
      "  base: &base {tree: debian-12, root: {password: '*'}, users: [{name: a, ssh_keys: [k]}]}\n  plain: *base\n  rest:",
    ),
  );
  assert.equal(host.profile.root?.password, "*");
});

test("warnings do not stop a site", () => {
  const text = exampleText("pair")
    .replace("balance: parity", "balance: rendezvous")
    .replace('    root: {password: "$6$rounds=4096$saltsalt$IAmAHashNotAPassword"}', "    ntp: !server [a.example]");
  assert.deepEqual(troublesOf(text), [
    "20:5: warning: `serves` has no effect with `balance: rendezvous`, set `balance: parity`, or leave it out",
    "26:5: warning: `serves` has no effect with `balance: rendezvous`, set `balance: parity`, or leave it out",
    "32:3: warning: nobody can log in to machines of profile base, give `root` or one of `users` a password or SSH keys",
    "37:10: warning: Unresolved tag: !server, remove it",
  ]);
});

/** Loading ends in a site or in located one-line problems, at least one of them an error. */
function assertLoads(text: string): void {
  const loaded = loadSite(text, "/site.yaml");
  const lineCount = text.split("\n").length;
  const problems = "site" in loaded ? loaded.warnings : loaded.problems;
  if (!("site" in loaded)) assert.ok(problems.some(({ severity }) => severity === "error"));
  for (const problem of problems) {
    assert.ok(problem.line >= 1 && problem.line <= lineCount && problem.column >= 1, "not in the text");
    assert.match(formatProblem("site.yaml", problem), /^site\.yaml:\d+:\d+: [^\p{Cc}]+, [^\p{Cc}]+$/u);
  }
}

test("no text makes loading throw", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary", maxLength: 200 })), assertLoads));
});

test("no text made of pieces of YAML makes loading throw", () => {
  const pieces = [
    "site",
    "hosts",
    ":",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "{",
    "}",
    "[",
    "]",
    ",",
    '"',
    "&a ",
    "*a",
    "? ",
    "|",
    ">",
    "#",
    "!!map ",
    "~",
    "1",
    "<<",
    "---\n",
    "\t",
    "%",
  ];
  const text = fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => parts.join(""));
  fc.assert(fc.property(text, assertLoads), { numRuns: 500 });
});

test("no mutation of an example makes loading throw", () => {
  const original = fc.constantFrom(exampleText("single"), exampleText("pair"));
  const mutation = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    drop: fc.nat(30),
    put: fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom("", "null", "[]", "{}", "-1", "\n", "*x", ": ", "1e999"),
    ),
  });
  fc.assert(
    fc.property(original, fc.array(mutation, { minLength: 1, maxLength: 4 }), (text, mutations) => {
      const mutated = mutations.reduce((before, { at, drop, put }) => {
        const offset = Math.floor(at * before.length);
        return before.slice(0, offset) + put + before.slice(offset + drop);
      }, text);
      assertLoads(mutated);
    }),
    { numRuns: 500 },
  );
});

test("parity without any `serves` goes by the servers' places; weights are read by the other policies alone", () => {
  const bare = exampleText("pair").replaceAll(/^ {4}serves: .*\n/gm, "");
  assert.deepEqual(troublesOf(bare), []);
  const weighted = bare.replace("floating: 192.168.0.253\n", "floating: 192.168.0.253\n    weight: 3\n");
  assert.deepEqual(troublesOf(weighted), [
    "18:5: warning: `weight` has no effect with `balance: parity`, set `balance: rendezvous`, or leave it out",
  ]);
  assert.deepEqual(troublesOf(weighted.replace("balance: parity", "balance: rendezvous")), []);
});
