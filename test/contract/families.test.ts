/** What every OS family must keep to (src/os/family.ts), run over the registry. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../src/base/address.ts";
import { type FamilyInput, REPORT_EVENTS } from "../../src/os/family.ts";
import { FAMILIES } from "../../src/registry.ts";
import { encodeCpio } from "../../src/wire/cpio.ts";
import { exampleSite } from "../support/sites.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";
const server = { address: "192.168.77.1" as Ipv4, httpPort: 80 };

function inputFor(family: string): FamilyInput {
  const site = exampleSite("single", (text) => text.replace("family: debian", `family: ${family}`));
  const host = site.hosts.get("vm1");
  assert.ok(host);
  const { profile } = host;
  const urls = {
    server,
    tree: `http://192.168.77.1/trees/${profile.tree.name}`,
    report: `http://192.168.77.1/report/${TOKEN}`,
  };
  return { site, host, profile, tree: profile.tree, mac: host.nics[0], urls };
}

for (const [name, family] of FAMILIES) {
  const input = inputFor(name);

  test(`${name}: goes by its name in the registry`, () => assert.equal(family.name, name));

  test(`${name}: looks for kernel and initrd by relative paths inside the tree`, () => {
    const found = family.bootFiles(input.tree);
    assert.ok(found.length > 0);
    for (const path of found.flatMap(({ kernel, initrd }) => [kernel, initrd])) {
      assert.ok(!path.startsWith("/") && !path.split("/").includes(".."), path);
    }
  });

  test(`${name}: the same input gives the same bytes`, () => {
    const [first, second] = [family.render(input), family.render(input)];
    assert.deepEqual(first, second);
    assert.deepEqual(encodeCpio(first.overlay), encodeCpio(second.overlay));
  });

  test(`${name}: kernel arguments are single words, or quoted`, () => {
    for (const argument of family.render(input).kernelArguments) assert.doesNotMatch(argument, /^\s|\s$|[\n\0]/);
  });

  test(`${name}: the answer file is in the overlay, with the host's name in it`, () => {
    const { answer, overlay } = family.render(input);
    assert.ok(overlay.some(({ path, content }) => path === answer.name && content === answer.text));
    assert.match(answer.text, /vm1/);
  });

  test(`${name}: the installer reports by the permit's URL, and says before it writes and when it is done`, () => {
    const text = family
      .render(input)
      .overlay.map(({ content }) => Buffer.from(content).toString("utf8"))
      .join("\n");
    assert.ok(text.includes(`/report/${TOKEN}`));
    for (const event of REPORT_EVENTS) assert.match(text, new RegExp(`\\b${event}\\b`), event);
  });

  test(`${name}: no path of the overlay leaves the installer's root`, () => {
    for (const { path, mode } of family.render(input).overlay) {
      assert.ok(!path.startsWith("/") && !path.split("/").includes(".."), path);
      assert.ok(mode > 0 && mode <= 0o777, path);
    }
  });

  test(`${name}: the smallest example has nothing that it cannot do`, () => {
    assert.deepEqual(family.problems(input.host), []);
  });
}
