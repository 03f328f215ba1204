import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { type TestContext, test } from "node:test";
import { agama } from "../../../src/os/agama.ts";
import { matrixSite } from "../../support/bond-matrix.ts";
import { inputOf, servedBy, smallInput } from "./suse-cases.ts";
import { type Answers, listen, Stage } from "./suse-stage.ts";

const SLES = ["id: SLES\nname: SUSE Linux Enterprise Server 16.1\n", "id: SLES_SAP\nname: x\n"];
const LEAP = ['id: "openSUSE_Leap_Micro"\n', "id: Leap_16.0\nname: Leap 16.0\n"];

interface Given {
  readonly profile?: readonly string[];
  readonly products?: readonly string[];
  readonly answers?: Answers;
}

/** A live system into which the overlay was copied. */
async function machine(t: TestContext, { profile, products = SLES, answers = () => [200] }: Given) {
  const server = await listen(t, answers);
  const given = smallInput({ family: "agama", release: "16.0", ...(profile && { profile }) });
  const { overlay } = agama.render(servedBy(given, [server.port]));
  const stage = new Stage(t);
  for (const { path, mode, content } of overlay) stage.write(path, stage.moved(`${content}`), mode);
  for (const [index, text] of products.entries()) stage.write(`usr/share/agama/products.d/${index}.yaml`, text);
  const events = () => server.asked.map(({ path }) => path.replace("/report/t0ken/", ""));
  const profileText = () => JSON.parse(stage.read("everboot/autoinst.json"));
  return { stage, server, events, profileText, run: (program: string) => stage.run(stage.read(`everboot/${program}`)) };
}

test("before the profile is loaded, disks and the medium's product are put in", async (t) => {
  const it = await machine(t, { profile: ["disk: {layout: raid1}", "late: ['echo @disk1@']"] });
  it.stage.disk("sda");
  it.stage.disk("sdb");
  assert.deepEqual(await it.run("prepare"), { code: 0, output: "" });
  assert.deepEqual(it.events(), ["answer", "partition"]);
  const { product, storage } = it.profileText();
  assert.equal(product.id, "SLES");
  assert.deepEqual(
    storage.drives.map(({ search }: { search: string }) => search),
    ["/dev/sda", "/dev/sdb"],
  );
});

test("Leap's medium names its product as it did in its version; a medium of another product stops", async (t) => {
  const leap = await machine(t, { products: LEAP, profile: ["disk: {device: /dev/sda}"] });
  await leap.run("prepare");
  assert.equal(leap.profileText().product.id, "Leap_16.0");
  const other = await machine(t, { products: ["id: Tumbleweed\n"], profile: ["disk: {device: /dev/sda}"] });
  await other.run("prepare");
  assert.equal(other.server.asked.at(-1)?.body, "the medium is neither SLES nor Leap");
});

test("without the permit the machine restarts and the profile stays useless", async (t) => {
  const it = await machine(t, { answers: (path) => [path.endsWith("partition") ? 403 : 200] });
  it.stage.disk("sda");
  await it.run("prepare");
  assert.equal(it.stage.read("proc/sysrq-trigger"), "b\n");
  assert.equal(it.profileText().product.id, "@product@");
});

/** dracut's hook, with a stand-in for curl that reaches the second server alone. */
async function pivot(t: TestContext, argument: string) {
  const stage = new Stage(t);
  const input = smallInput({ family: "agama", release: "16.0" });
  for (const { path, content } of agama.render(input).overlay) stage.write(path, stage.moved(`${content}`));
  const hook = stage.read("usr/lib/dracut/hooks/pre-pivot/98-everboot.sh");
  assert.equal(stage.read("var/lib/dracut/hooks/pre-pivot/98-everboot.sh"), hook);
  stage.write("newroot/etc/os-release", "");
  stage.write("run/agama/cmdline.d/agama.conf", `inst.finish=reboot\n${argument}\n`);
  stage.program("curl", '[[ $* == *"http://192.168.77.12:8080/trees/tree/install/repodata/repomd.xml" ]]');
  const { output } = await stage.run(`${hook}echo goes on\n`);
  assert.equal(output, "goes on\n");
  return stage;
}

test("dracut's hook takes the folder into the live system, and the unit's addition to its place", async (t) => {
  const stage = await pivot(t, "inst.install_url=http://192.168.77.11/trees/tree/install");
  assert.ok(stage.has("newroot/everboot/autoinst.json"));
  const unit = stage.read("newroot/etc/systemd/system/agama-autoinstall.service.d/everboot.conf");
  assert.match(unit, /^ExecStopPost=\S*\/everboot\/ended$/m);
  const log = stage.read("newroot/etc/systemd/system/multi-user.target.wants/everboot-log.service");
  assert.match(log, /^ExecStart=\S*\/everboot\/log$/m);
});

test("the journal goes to the server, each line with the name of its program", async (t) => {
  const it = await machine(t, {});
  it.stage.program("journalctl", "echo 'Nov 20 10:00:00 agamactl[1500]: Installing bash (12/903)'");
  it.stage.program("logger", 'echo "$*"; cat');
  const { output } = await it.run("log");
  assert.match(output, /^-d -n \S+ -P 514 -t agama\nagamactl\[1500\]: Installing bash \(12\/903\)\n$/);
});

test("an end of Agama is reported with its last complaints", async (t) => {
  const it = await machine(t, {});
  it.stage.program("journalctl", 'case "$*" in *"-p err"*) printf "one\ntwo\nthree\n" ;; esac');
  await it.run("ended");
  assert.equal(it.server.asked.at(-1)?.body, "Agama ended before the installation was done: two\nthree");
});

test("packages come from the first server that has them, or from where the profile's kernel argument says", async (t) => {
  const file = "run/agama/cmdline.d/agama.conf";
  const ours = await pivot(t, "inst.install_url=http://192.168.77.11/trees/tree/install");
  assert.equal(ours.read(file), "inst.finish=reboot\ninst.install_url=http://192.168.77.12:8080/trees/tree/install\n");
  const own = await pivot(t, "inst.install_url=http://mirror.example/oss");
  assert.equal(own.read(file), "inst.finish=reboot\ninst.install_url=http://mirror.example/oss\n");
});

test("the end of Agama is a failure, unless the last script has run", async (t) => {
  const it = await machine(t, {});
  it.stage.program("journalctl", ":");
  it.stage.program("chroot", `shift; sed "s|/var/tmp|${it.stage.root}/mnt/var/tmp|g" "${it.stage.root}/mnt/$2" | bash`);
  await it.run("ended");
  assert.deepEqual(it.events(), ["failed"]);
  await it.run("post");
  assert.deepEqual(it.events(), ["failed", "post", "done"]);
  await it.run("ended");
  assert.equal(it.events().length, 3);
});

test("the last script brings files and runs the commands of the profile; one that fails makes it a failure", async (t) => {
  const it = await machine(t, { profile: ["ntp: [192.168.77.1]"] });
  it.stage.program(
    "chroot",
    `echo 'late command 2 failed with exit code 1' >${it.stage.root}/mnt/var/tmp/everboot/failed`,
  );
  await it.run("post");
  assert.deepEqual(it.events(), ["post", "failed"]);
  assert.equal(it.server.asked.at(-1)?.body, "late command 2 failed with exit code 1");
  assert.equal(it.stage.read("mnt/etc/chrony.d/everboot.conf"), "server 192.168.77.1 iburst\n");
  assert.ok(it.stage.has("mnt/usr/local/lib/everboot/first-boot"));
});

test("in the installed system users are made, and what fails is noted", async (t) => {
  const profile = [
    "users: [{name: ada, full_name: Ada, password: '!', sudo: true, ssh_keys: [k1]}]",
    "late: ['exit 5']",
  ];
  const it = await machine(t, { profile });
  for (const name of ["useradd", "chown", "systemctl", "firewall-offline-cmd"]) {
    it.stage.program(name, `echo "${name} $*" >>${it.stage.root}/calls`);
  }
  it.stage.write("etc/sudoers.d/README", "");
  it.stage.write("var/tmp/everboot/finish", "");
  assert.equal((await it.run("finish")).code, 0);
  assert.match(it.stage.read("calls"), /^useradd -m -s \/bin\/bash -c Ada -p ! ada$/m);
  assert.match(it.stage.read("etc/sudoers.d/everboot"), /^ada ALL=\(ALL\) ALL$/m);
  assert.equal(it.stage.read("home/ada/.ssh/authorized_keys"), "k1\n");
  assert.equal(it.stage.read("var/tmp/everboot/failed"), "late command 1 failed with exit code 5\n");
});

test("bash can parse every program for every host", () => {
  const site = matrixSite({ family: "agama", release: "16.0" });
  const programs = [...site.hosts.values()].flatMap((host) =>
    agama.render(inputOf(site, host)).overlay.filter(({ mode, path }) => mode & 0o100 || path.endsWith("functions")),
  );
  const texts = new Set(programs.map(({ content }) => `${content}`));
  assert.ok(texts.size > 8);
  for (const input of texts) {
    const { status, stderr } = spawnSync("bash", ["-n"], { input, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""], input);
  }
});
