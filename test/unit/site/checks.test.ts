import assert from "node:assert/strict";
import { test } from "node:test";
import { exampleText } from "../../support/sites.ts";
import { type Broken, linesOf, testBroken } from "./broken.ts";

const CROSS: readonly Broken[] = [
  {
    name: "MAC address of another host, written otherwise",
    edits: [["52:54:00:00:00:03", "52-54-00-00-00-02"]],
    lines: ["26:12: 52:54:00:00:00:02 is a NIC of host vm1 too (line 21), list each NIC once"],
  },
  {
    name: "MAC address twice in one host",
    edits: [['["52:54:00:00:00:03"]', '["52:54:00:00:00:03", "525400000003"]']],
    lines: ["26:33: 52:54:00:00:00:03 is listed twice (line 26), list each NIC once"],
  },
  {
    name: "address of another host",
    edits: [["192.168.77.102", "192.168.77.101"]],
    lines: ["27:14: 192.168.77.101 is the address of host vm1 (line 22), choose another"],
  },
  {
    name: "address in no subnet",
    edits: [["192.168.77.102", "192.168.78.102"]],
    lines: ["27:14: 192.168.78.102 is in no subnet of this site, correct it, or add its subnet"],
  },
  {
    name: "network and broadcast address",
    edits: [
      ["192.168.77.101", "192.168.77.0"],
      ["192.168.77.102", "192.168.77.255"],
    ],
    lines: [
      "22:14: 192.168.77.0 is the network address of 192.168.77.0/24, choose another",
      "27:14: 192.168.77.255 is the broadcast address of 192.168.77.0/24, choose another",
    ],
  },
  {
    name: "a server's floating address is the broadcast address",
    of: "pair",
    edits: [["floating: 192.168.0.254", "floating: 192.168.0.255"]],
    lines: ["23:15: 192.168.0.255 is the broadcast address of 192.168.0.0/24, choose another"],
  },
  {
    name: "address of a server, of a router",
    of: "pair",
    edits: [
      ["address: 192.168.0.128", "address: 192.168.0.11"],
      ["address: 192.168.0.129", "address: 192.168.0.254"],
      ["address: 192.168.0.159", "address: 192.168.0.1"],
    ],
    lines: [
      "43:14: 192.168.0.11 is the address of server server1 (line 16), choose another",
      "47:14: 192.168.0.254 is the floating address of server server2 (line 23), choose another",
      "51:14: 192.168.0.1 is the router of its subnet (line 5), choose another",
    ],
  },
  {
    name: "address in a pool that is used",
    edits: [["unknown: ignore", "unknown: discover"]],
    lines: [
      "22:14: 192.168.77.101 is in the pool 192.168.77.100-192.168.77.150, which `unknown: discover` hands out, choose one outside, or make the pool smaller",
      "27:14: 192.168.77.102 is in the pool 192.168.77.100-192.168.77.150, which `unknown: discover` hands out, choose one outside, or make the pool smaller",
    ],
  },
  {
    name: "pool missing",
    of: "pair",
    edits: [
      ["    pool: 192.168.0.200-192.168.0.250 ", "    # "],
      ["unknown: ignore ", "unknown: base "],
    ],
    lines: [
      "4:5: this subnet has no pool, from which `unknown: base` gives addresses, add `pool`, or set `unknown: ignore`",
    ],
  },
  {
    name: "pool outside its subnet",
    edits: [["100-192.168.77.150", "100-192.168.78.150"]],
    lines: ["8:11: pool 192.168.77.100-192.168.78.150 is not inside 192.168.77.0/24, keep both ends inside the subnet"],
  },
  {
    name: "pool that holds addresses in use",
    of: "pair",
    edits: [["192.168.0.200-192.168.0.250", "192.168.0.200-192.168.0.255"]],
    lines: [
      "8:11: the pool holds 192.168.0.255, the broadcast address, leave it out of the pool",
      "8:11: the pool holds 192.168.0.253, the floating address of server server1 (line 17), leave it out of the pool",
      "8:11: the pool holds 192.168.0.254, the floating address of server server2 (line 23), leave it out of the pool",
    ],
  },
  {
    name: "pool that holds the router, a server",
    edits: [
      ["pool: 192.168.77.100", "pool: 192.168.77.1"],
      ["one: {address: 192.168.77.1,", "one: {address: 192.168.77.2,"],
    ],
    lines: [
      "8:11: the pool holds 192.168.77.2, the address of server one (line 12), leave it out of the pool",
      "8:11: the pool holds 192.168.77.1, the router (line 5), leave it out of the pool",
    ],
  },
  {
    name: "router outside its subnet",
    edits: [["router: 192.168.77.1", "router: 192.168.7.1"]],
    lines: ["5:13: router 192.168.7.1 is outside 192.168.77.0/24, name one that machines can reach"],
  },
  {
    name: "router at the broadcast address",
    edits: [["router: 192.168.77.1", "router: 192.168.77.255"]],
    lines: ["5:13: 192.168.77.255 is the broadcast address of 192.168.77.0/24, name the router's own"],
  },
  {
    name: "subnets that overlap",
    edits: [["unknown: ignore", "  - cidr: 192.168.0.0/16\nunknown: ignore"]],
    lines: [
      "10:11: subnet 192.168.0.0/16 overlaps subnet 192.168.77.0/24 (line 4), make them one, or correct one of them",
    ],
  },
  {
    name: "floating addresses that are taken",
    of: "pair",
    edits: [
      ["floating: 192.168.0.253", "floating: 192.168.0.12"],
      ["floating: 192.168.0.254", "floating: 192.168.0.12"],
    ],
    lines: [
      "17:15: 192.168.0.12 is the address of server server2 (line 22), choose another",
      "23:15: 192.168.0.12 is the address of server server2 (line 22), choose another",
    ],
  },
  {
    name: "unknown profile and tree",
    edits: [
      ["profile: plain\n  vm2", "profile: plane\n  vm2"],
      ["tree: debian-12", "tree: rocky"],
    ],
    lines: [
      '17:11: no tree is called "rocky", choose one of debian-12',
      '24:14: no profile is called "plane", did you mean plain?',
    ],
  },
  {
    name: "FTP that no server has",
    edits: [["tree: debian-12", "tree: debian-12\n    via: ftp"]],
    lines: ["18:10: `via: ftp`, and one does not serve by FTP, set `ftp: true` for every server, or leave `via` out"],
  },
  {
    name: "FTP that one of two servers has",
    of: "pair",
    edits: [
      ["interface: eth0", "interface: eth0\n    ftp: true"],
      ["via: http", "via: ftp"],
    ],
    lines: [
      "35:10: `via: ftp`, and server2 does not serve by FTP, set `ftp: true` for every server, or leave `via` out",
    ],
  },
  {
    name: "a mirror by NFS",
    edits: [
      ["tree: debian-12", "tree: debian-12\n    via: nfs"],
      ["release: bookworm", "release: bookworm, upstream: apt"],
    ],
    lines: [
      "18:10: tree debian-12 is a mirror, whose files are not there before they are asked for by HTTP or FTP, leave `via` out, or import the tree",
    ],
  },
  {
    name: "`unknown` that names no profile",
    edits: [["unknown: ignore", "unknown: ingore"]],
    lines: ['10:10: no profile is called "ingore", did you mean ignore?'],
  },
  {
    name: "profile with a reserved name",
    edits: [["  plain:", "  plain: {tree: debian-12, root: {password: $6$a$b}}\n  discover:"]],
    lines: [
      "17:3: a profile cannot be called discover, which means something else under `unknown`, give it another name",
    ],
  },
  {
    name: "bond of one NIC",
    edits: [['["52:54:00:00:00:01", "52:54:00:00:00:02"]', '["52:54:00:00:00:01"]']],
    lines: ["23:5: a bond joins two NICs or more, and this one has 1, list more `nics`, or leave `bond` out"],
  },
  {
    name: "primary that is no member, in a mode without one",
    of: "pair",
    edits: [
      ['mode: active-backup, miimon: 100, primary: "00:1A:64:98:A3:A6"', 'mode: 4, primary: "00:1A:64:98:A3:A8"'],
    ],
    lines: [
      "52:21: mode 802.3ad has no primary: the kernel refuses it, leave it out, or choose a mode of active-backup, balance-tlb, balance-alb",
      "52:30: 00:1a:64:98:a3:a8 is no member of this bond, choose one of 00:1a:64:98:a3:a6, 00:1a:64:98:a3:a7",
    ],
  },
  {
    name: "members that are no NICs of the host",
    edits: [["miimon: 100", 'members: ["52:54:00:00:00:03"]']],
    lines: [
      "23:33: a bond joins two NICs or more, and this one has 1, add members",
      "23:43: 52:54:00:00:00:03 is no NIC of host vm1, list it in `nics`",
    ],
  },
  {
    name: "parity without shares",
    of: "pair",
    edits: [["    serves: even\n", ""]],
    lines: ["21:3: server server2 has no `serves`, which `balance: parity` reads, add `serves: odd` or `serves: even`"],
  },
  {
    name: "parity with one share only",
    of: "pair",
    edits: [["serves: even", "serves: odd"]],
    lines: ["12:10: no server serves the even addresses, set `serves: even` for one"],
  },
];

testBroken(CROSS);

test("problems of values and of the whole are told at once, without consequences of the former", () => {
  const text = exampleText("pair")
    .replace("192.168.0.0/24", "192.168.0.0/33")
    .replace("serves: odd", "serves: both")
    .replace("pool: 192", "pool: 392")
    .replace("unknown: ignore", "unknown: base")
    .replace("address: 192.168.0.129", "address: 192.168.0.128");
  assert.deepEqual(linesOf(text), [
    '4:11: "192.168.0.0/33" is no network, write its first address and prefix length as in 192.168.77.0/24',
    '8:11: "392.168.0.200-192.168.0.250" is no address range, write first and last address, the lower one first, as in 192.168.77.100-192.168.77.150',
    '20:13: `serves` cannot be "both", write one of odd, even',
    "47:14: 192.168.0.128 is the address of host cli128 (line 43), choose another",
  ]);
});
