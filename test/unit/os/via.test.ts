/** By which protocol each family's installer fetches its tree, in one version of it; and what the installed system keeps. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { agama } from "../../../src/os/agama.ts";
import { debian } from "../../../src/os/debian.ts";
import type { Family, FamilyInput, Rendered } from "../../../src/os/family.ts";
import { redhat } from "../../../src/os/redhat.ts";
import { lastingView, serverUrls } from "../../../src/os/server-urls.ts";
import { suse } from "../../../src/os/suse.ts";
import { lastingRepositories } from "../../../src/os/suse-repositories.ts";
import { ubuntu } from "../../../src/os/ubuntu.ts";
import type { Profile } from "../../../src/site/model.ts";
import { outsideJudge, runJudge } from "../../support/judges.ts";
import { siteOf } from "../../support/sites.ts";

const VERSION = "0123456789ab";
const [HTTP, FTP] = ["http", "ftp"].map((scheme) => `${scheme}://192.168.77.11/trees/tree@${VERSION}`);
const NFS_PATH = `/trees/tree/.everboot-versions/${VERSION}`;

/** With two servers, of which the first has a floating address. */
function inputOf(family: Family, release: string, via: Profile["via"], count: 1 | 2 = 2): FamilyInput {
  const site = siteOf(`site: small
subnets:
  - {cidr: 192.168.77.0/24, router: 192.168.77.1}
servers:
  one: {address: 192.168.77.1, floating: 192.168.77.11, ftp: true}
  two: {address: 192.168.77.2, http_port: 8080, ftp: true}
trees:
  tree: {family: ${family.name}, release: "${release}", path: /srv/tree}
profiles:
  p: {tree: tree, via: ${via}}
hosts:
  vm1: {nics: ["52:54:00:00:00:01"], address: 192.168.77.101, profile: p}
`);
  const host = site.hosts.get("vm1");
  assert.ok(host);
  const { profile } = host;
  const [first, ...others] = [...site.servers.values()]
    .slice(0, count)
    .map((server) => serverUrls(lastingView(server), { tree: profile.tree, version: VERSION }, "t0ken"));
  assert.ok(first);
  return { site, host, profile, tree: profile.tree, mac: host.nics[0], servers: [first, ...others] };
}

function textOf({ overlay }: Rendered, path: string): string {
  const content = overlay.find((file) => file.path === path)?.content;
  assert.equal(typeof content, "string", path);
  return String(content);
}

test("the addresses of one server: a version by HTTP, FTP and NFS, and the tree that lasts", () => {
  const [first] = inputOf(redhat, "9", "http").servers;
  assert.deepEqual(
    [first.tree, first.ftpTree, first.nfsTree, first.lastingTree],
    [HTTP, FTP, `nfs://192.168.77.11${NFS_PATH}`, "http://192.168.77.11/trees/tree"],
  );
});

test("Red Hat by FTP: stage 2 and mirror lists from all servers; a single server by url", () => {
  const { kernelArguments, answer } = redhat.render(inputOf(redhat, "9", "ftp"));
  const second = `ftp://192.168.77.2/trees/tree@${VERSION}`;
  const round = [FTP, second].map((url) => `inst.stage2=${url}`);
  assert.deepEqual(
    kernelArguments.filter((argument) => argument.startsWith("inst.stage2=")),
    [...round, ...round, ...round],
  );
  assert.ok(answer.text.includes(`${FTP}/BaseOS/\n${second}/BaseOS/\n`));
  const alone = redhat.render(inputOf(redhat, "9", "ftp", 1)).answer.text;
  assert.match(alone, /^url --url=ftp:\/\/192\.168\.77\.11\/trees\/tree@0123456789ab$/m);
});

test("Red Hat by NFS: one server, which has a floating address, for stage 2 and for packages", () => {
  for (const release of ["7.9", "8", "9", "10"]) {
    const { kernelArguments, answer } = redhat.render(inputOf(redhat, release, "nfs"));
    const stage2 = kernelArguments.filter((argument) => argument.startsWith("inst.stage2"));
    assert.deepEqual(stage2, [`inst.stage2=nfs:192.168.77.11:${NFS_PATH}`]);
    assert.match(answer.text, /^nfs --server=192\.168\.77\.11 --dir=\S+0123456789ab --opts=nfsvers=3$/m);
    assert.doesNotMatch(answer.text, /^(url|repo) /m);
  }
});

const validator = outsideJudge("pykickstart/tools/ksvalidator.py");

for (const via of ["ftp", "nfs"] as const) {
  test(`pykickstart has no complaint about kickstart by ${via}`, { skip: validator.obstacle }, (t) => {
    const folder = mkdtempSync(join(tmpdir(), "everboot-via-"));
    t.after(() => rmSync(folder, { recursive: true }));
    for (const [release, version] of [
      ["7.9", "RHEL7"],
      ["8", "RHEL8"],
      ["9", "RHEL9"],
      ["10", "RHEL10"],
      ["42", "F42"],
    ] as const) {
      const path = join(folder, `${version}.ks`);
      writeFileSync(path, redhat.render(inputOf(redhat, release, via)).answer.text);
      const env = { PYTHONPATH: join(validator.path, "../..") };
      const { code, output } = runJudge("python3", [validator.path, "-v", version, path], { env });
      assert.equal(code, 0, output);
    }
  });
}

test("SUSE: linuxrc and the modules of the medium by FTP and NFS", () => {
  const by = { http: HTTP, ftp: FTP, nfs: `nfs://192.168.77.11${NFS_PATH}` };
  for (const via of ["http", "ftp", "nfs"] as const) {
    const input = inputOf(suse, "15.6", via);
    assert.deepEqual(suse.problems(input.host), []);
    const { kernelArguments, answer } = suse.render(input);
    assert.ok(kernelArguments.includes(`install=${by[via]}`));
    assert.equal(answer.text.split(`<media_url>${by[via]}</media_url>`).length, 3);
  }
});

test("Agama by FTP: live system and packages; by NFS it is told that it cannot be", () => {
  const input = inputOf(agama, "16.0", "ftp");
  assert.deepEqual(agama.problems(input.host), []);
  const { kernelArguments, overlay } = agama.render(input);
  assert.ok(kernelArguments.includes(`root=live:${FTP}/LiveOS/squashfs.img`));
  assert.ok(kernelArguments.includes(`inst.install_url=${FTP}/install`));
  const hook = textOf(
    { kernelArguments, overlay, answer: { name: "", contentType: "", text: "" } },
    "usr/lib/dracut/hooks/pre-pivot/98-everboot.sh",
  );
  assert.ok(hook.includes(`for tree in ${FTP} ftp://192.168.77.2/trees/tree@${VERSION}; do`));
  assert.match(agama.problems(inputOf(agama, "16.0", "nfs").host).join(), /^profile p: .*HTTP or FTP/);
});

test("Debian by FTP: the installer's mirror, and apt's until the end", () => {
  const rendered = debian.render(inputOf(debian, "bookworm", "ftp"));
  const lines = rendered.answer.text.split("\n").filter((line) => line.startsWith("d-i mirror/"));
  assert.deepEqual(lines.slice(1, 5), [
    "d-i mirror/protocol string ftp",
    "d-i mirror/ftp/hostname string 192.168.77.11",
    `d-i mirror/ftp/directory string /trees/tree@${VERSION}`,
    "d-i mirror/ftp/proxy string",
  ]);
  assert.ok(textOf(rendered, "everboot/apt-get").includes(`trees='${FTP} ftp://192.168.77.2/trees/tree@${VERSION}'`));
  assert.match(textOf(rendered, "everboot/base"), /Methods::ftp "ftp"/);
});

test("Ubuntu's medium comes by HTTP", () => {
  for (const via of ["ftp", "nfs"] as const)
    assert.match(ubuntu.problems(inputOf(ubuntu, "24.04", via).host).join(), /by HTTP only: set `via: http`/);
});

test("nothing of the installed system holds a version, by any family and protocol", () => {
  const kept: ReadonlyArray<readonly [Family, string, RegExp]> = [
    [debian, "bookworm", /^everboot\/target\//],
    [ubuntu, "24.04", /^everboot\/target\//],
  ];
  for (const [family, release, inTarget] of kept)
    for (const via of ["http", "ftp"] as const) {
      const { overlay } = family.render(inputOf(family, release, via));
      const files = overlay.filter(({ path }) => inTarget.test(path));
      assert.ok(files.length > 1);
      for (const { path, content } of files) assert.ok(!String(content).includes(VERSION), path);
    }
  for (const via of ["http", "ftp", "nfs"] as const) {
    const { text } = redhat.render(inputOf(redhat, "9", via)).answer;
    const post = text.slice(text.indexOf("\n%post"));
    assert.ok(post.length > 1000 && !post.includes(VERSION), via);
  }
});

test("repositories that YaST and Agama leave are made lasting ones, and no others are touched", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-zypp-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const second = `192.168.77.2/trees/tree@${VERSION}`;
  const rows: ReadonlyArray<readonly [Profile["via"], left: string, lasting: string]> = [
    ["http", `baseurl=${HTTP}`, "baseurl=http://192.168.77.11/trees/tree"],
    ["http", `baseurl = http://${second}:x/`, `baseurl = http://${second}:x/`],
    [
      "ftp",
      `baseurl=ftp://${second.replace("@", "%40")}/install`,
      "baseurl=http://192.168.77.2:8080/trees/tree/install",
    ],
    ["ftp", `baseurl=${FTP}/Module-Basesystem?x=y`, "baseurl=http://192.168.77.11/trees/tree/Module-Basesystem"],
    ["nfs", `baseurl=nfs://192.168.77.11${NFS_PATH}`, "baseurl=http://192.168.77.11/trees/tree"],
    ["nfs", `baseurl=nfs://192.168.77.11${NFS_PATH}0`, `baseurl=nfs://192.168.77.11${NFS_PATH}0`],
    ["ftp", "baseurl=http://mirror.example/x", "baseurl=http://mirror.example/x"],
  ];
  for (const [via, left, lasting] of rows) {
    const input = inputOf(suse, "15.6", via);
    const [command = ""] = lastingRepositories(input.servers, via);
    const file = join(folder, "a.repo");
    writeFileSync(file, `[a]\n${left}\n`);
    const moved = command.replace("/etc/zypp/repos.d", folder);
    assert.equal(spawnSync("bash", ["-c", moved]).status, 0, moved);
    assert.equal(readFileSync(file, "utf8"), `[a]\n${lasting}\n`);
  }
});

test("a tree without versions by HTTP leaves nothing to be put right", () => {
  const { servers } = inputOf(suse, "15.6", "http");
  const [first] = servers;
  assert.deepEqual(lastingRepositories([{ ...first, tree: first.lastingTree }], "http"), []);
});
