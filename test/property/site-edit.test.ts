/** Whatever a site file looks like, a host more changes nothing else in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cidrContains, ipv4FromNumber, type Mac, rangeContains } from "../../src/base/address.ts";
import { diffLines } from "../../src/base/line-diff.ts";
import { addHost } from "../../src/site/edit.ts";
import { freeAddress } from "../../src/site/edit-address.ts";
import type { Site } from "../../src/site/model.ts";
import { siteOf } from "../support/sites.ts";

interface Style {
  readonly indent: number;
  readonly step: number;
  readonly flow: boolean;
  readonly oneLine: boolean;
  readonly comments: boolean;
  readonly listNics: boolean;
  readonly windows: boolean;
  readonly tail: "" | "\n" | "\n\n# the end\n";
}

const style: fc.Arbitrary<Style> = fc.record({
  indent: fc.integer({ min: 1, max: 6 }),
  step: fc.integer({ min: 1, max: 5 }),
  flow: fc.boolean(),
  oneLine: fc.boolean(),
  comments: fc.boolean(),
  listNics: fc.boolean(),
  windows: fc.boolean(),
  tail: fc.constantFrom("", "\n", "\n\n# the end\n"),
});

const SECTIONS: Readonly<Record<string, string>> = {
  site: "site: s   # its name",
  subnets: "subnets:\n  - {cidr: 10.0.0.0/27, router: 10.0.0.1, dns: [10.0.0.2], pool: 10.0.0.12-10.0.0.20}",
  unknown: "# Strangers\nunknown: discover",
  servers: "servers:\n  one: {address: 10.0.0.3, floating: 10.0.0.4}",
  trees: 'trees: {d: {family: debian, release: "12", path: /d}}',
  profiles: "profiles:\n  '9': {tree: d}\n\n  base:\n    tree: d  # the base\n    packages:\n      - vim",
};

/** The sections in any order, with `count` hosts in one of many ways of writing. */
const siteText = fc
  .tuple(
    style,
    fc.integer({ min: 0, max: 12 }),
    fc.shuffledSubarray([...Object.keys(SECTIONS), "hosts"], { minLength: 7 }),
  )
  .map(([how, count, order]) => {
    const text = order.map((name) => SECTIONS[name] ?? hostsText(how, count)).join(how.comments ? "\n\n" : "\n");
    return (text + how.tail).replaceAll("\n", how.windows ? "\r\n" : "\n");
  });

function hostsText(how: Style, count: number): string {
  const hosts = Array.from({ length: count }, (_, n) => ({
    name: `h${n}`,
    nics: `"02:00:00:00:00:${(16 + n).toString(16)}"`,
    address: ipv4FromNumber(0x0a000000 + (n < 7 ? 5 + n : 14 + n)),
  }));
  if (count === 0) return "hosts: {}";
  const flow = hosts.map(({ name, nics, address }) => `${name}: {nics: [${nics}], address: ${address}, profile: base}`);
  if (how.oneLine) return `hosts: {${flow.join(", ")}}`;
  const indent = " ".repeat(how.indent);
  const inner = indent + " ".repeat(how.step);
  const note = how.comments ? "  # a: {b, c}" : "";
  const block = hosts.map(({ name, nics, address }) => {
    const list = how.listNics ? `\n${inner}  - ${nics}` : ` [${nics}]`;
    return `${name}:\n${inner}address: ${address}${note}\n${inner}profile: base\n${inner}nics:${list}${note}`;
  });
  return `hosts:\n${(how.flow ? flow.map((line) => line + note) : block).map((entry) => indent + entry).join("\n")}`;
}

/** All but the hosts, and the hash of the text. */
function rest({ hosts, hostByMac, hostByAddress, revision, ...site }: Site): string {
  return JSON.stringify({ ...site, servers: [...site.servers], trees: [...site.trees], profiles: [...site.profiles] });
}

function add(text: string, name: string, mac: string): string | undefined {
  const before = siteOf(text);
  const [subnet] = before.subnets;
  const address = subnet && freeAddress(before, subnet);
  if (!subnet || !address) return undefined;
  assert.ok(cidrContains(subnet.cidr, address) && !(subnet.pool && rangeContains(subnet.pool, address)), address);
  const { text: edited, site } = addHost(text, { name, nics: [mac as Mac], address, profile: "9" });
  assert.equal(rest(site), rest(before));
  const [added, ...others] = [...site.hosts.values()].reverse();
  assert.deepEqual(others.reverse(), [...before.hosts.values()]);
  const { nics, address: given, profile } = added ?? {};
  assert.deepEqual([added?.name, nics, given, profile?.name], [name, [mac], address, "9"]);
  return edited;
}

test("a host more changes only that, again and again until no address is left", () => {
  fc.assert(
    fc.property(siteText, (text) => {
      let edited = text;
      let [hosts, next] = [siteOf(text).hosts.size, add(text, "n0", "02:00:00:00:01:00")];
      for (; next !== undefined; hosts += 1) {
        const lines = diffLines(edited.split("\n"), next.split("\n"));
        // In one line, or none yet: that line is another one. Where the last line had no end it has one.
        assert.ok(lines.filter(({ kind }) => kind === "removed").length <= 1);
        for (const [comment] of edited.matchAll(/#.*/g)) assert.ok(next.includes(comment.trimEnd()), comment);
        edited = next;
        next = add(edited, `n${hosts + 1}`, `02:00:00:00:02:${(hosts + 16).toString(16)}`);
      }
      // 10.0.0.1 to .30, less router, name server, two of the server, and the nine of the pool.
      assert.equal(hosts, 17);
    }),
    { numRuns: 60 },
  );
});
