/** What every OS family must keep to (src/os/family.ts), run over the registry. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FamilyInput, REPORT_EVENTS, type Rendered } from "../../src/os/family.ts";
import { FAMILIES } from "../../src/registry.ts";
import type { Site } from "../../src/site/model.ts";
import { encodeCpio } from "../../src/wire/cpio.ts";
import { serverUrls } from "../support/server-urls.ts";
import { exampleSite } from "../support/sites.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

/** One that each family has. */
const RELEASES: Readonly<Record<string, string>> = {
  agama: "16.0",
  debian: "bookworm",
  redhat: "9",
  suse: "15.6",
  ubuntu: "24.04",
};

function siteOf(family: string): Site {
  return exampleSite("single", (text) =>
    text.replace("family: debian, release: bookworm", `family: ${family}, release: "${RELEASES[family]}"`),
  );
}

function inputFor(site: Site): FamilyInput {
  const host = site.hosts.get("vm1");
  assert.ok(host);
  const { profile, nics } = host;
  const servers = serverUrls(site, host, TOKEN);
  return { site, host, profile, tree: profile.tree, mac: nics[0], servers };
}

/** Beside the only server of the site one that answers as well. */
function withSecondServer(input: FamilyInput): FamilyInput {
  const [first] = input.servers;
  const moved = (url: string) => url.replace("192.168.77.1", "192.168.77.2");
  const { view, ...urls } = first;
  const second = { view, ...mapValues(urls, moved) };
  return { ...input, servers: [first, second] };
}

function mapValues<K extends string>(values: Readonly<Record<K, string>>, change: (value: string) => string) {
  return Object.fromEntries(Object.entries<string>(values).map(([key, value]) => [key, change(value)])) as Record<
    K,
    string
  >;
}

/** All that a machine gets to read. */
function textOf({ kernelArguments, answer, overlay }: Rendered): string {
  const files = overlay.map(({ content }) => Buffer.from(content).toString("utf8"));
  return [kernelArguments.join(" "), answer.text, ...files].join("\n");
}

for (const [name, family] of FAMILIES) {
  const input = inputFor(siteOf(name));

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
    assert.ok(overlay.some(({ content }) => content === answer.text));
    assert.match(answer.text, /vm1/);
  });

  test(`${name}: every event of an install is reported, by the permit's URL`, () => {
    const text = textOf(family.render(input));
    assert.ok(text.includes(`/report/${TOKEN}`));
    for (const event of REPORT_EVENTS) assert.match(text, new RegExp(`\\b${event}\\b`), event);
  });

  test(`${name}: every server is told to the installer, for packages and for reports`, () => {
    const text = textOf(family.render(withSecondServer(input)));
    for (const { tree, report } of withSecondServer(input).servers) {
      assert.ok(text.includes(tree), tree);
      assert.ok(text.includes(report), report);
    }
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

  test(`${name}: an empty folder is none of its trees`, () => {
    assert.equal(family.detect({ has: () => false, names: () => [], text: () => undefined }), undefined);
  });
}
