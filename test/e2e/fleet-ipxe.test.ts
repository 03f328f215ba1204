/** The simulated iPXE against what the real one does with a boot script (core/exec.c, image/script.c of iPXE). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type IpxeMachine, runIpxe } from "../../lab/simulate/ipxe.ts";
import type { Ipv4 } from "../../src/base/address.ts";
import { renderIpxe } from "../../src/boot/ipxe.ts";

const URL_OF_SCRIPT = "http://10.0.0.1/boot/ipxe/52-54-00-00-00-01";

/** A machine that can fetch these files; what it does is told. */
function machineWith(
  files: Readonly<Record<string, string>>,
  platform = "pcbios",
): IpxeMachine & { readonly did: string[] } {
  const did: string[] = [];
  return {
    did,
    settings: { platform, "net0/mac": "52:54:00:00:00:01" },
    fetch: async (url, silenceMs) => {
      const path = new URL(url).pathname;
      did.push(`fetch ${path} ${silenceMs}`);
      const text = files[path];
      if (text === undefined) throw new Error("404");
      return Buffer.from(text);
    },
    sleep: async (ms) => void did.push(`sleep ${ms}`),
    echo: (text) => void did.push(`echo ${text}`),
  };
}

const script = (...lines: string[]) => ["#!ipxe", ...lines, ""].join("\n");

test("kernel, its arguments and initrds are there when it boots", async () => {
  const machine = machineWith({ "/linux": "kernel", "/initrd": "files" });
  const text = script(
    "kernel --timeout 20000 /linux initrd=initrd a=b || goto wait",
    "initrd --name initrd /initrd",
    "boot",
  );
  const end = await runIpxe(text, URL_OF_SCRIPT, machine);
  assert.equal(end.kind, "boot");
  if (end.kind !== "boot") return;
  assert.deepEqual([end.kernel.url, end.kernel.body.toString()], ["http://10.0.0.1/linux", "kernel"]);
  assert.deepEqual(end.kernel.words, ["initrd=initrd", "a=b"]);
  assert.deepEqual(
    end.initrds.map(({ body }) => body.toString()),
    ["files"],
  );
  assert.deepEqual(machine.did, ["fetch /linux 20000", "fetch /initrd 120000"]);
});

test("a loop counts its rounds and ends", async () => {
  const machine = machineWith({});
  const text = script(
    "set round:int32 0",
    ":again",
    "inc round",
    "iseq ${round} 3 && reboot ||",
    "kernel /linux || goto wait",
    "boot",
    ":wait",
    "sleep 3",
    "goto again",
  );
  assert.deepEqual(await runIpxe(text, URL_OF_SCRIPT, machine), { kind: "reboot" });
  assert.equal(machine.did.filter((what) => what === "sleep 3000").length, 2);
});

test("a script that waits is replaced by the one that it chains", async () => {
  const machine = machineWith({
    "/boot/ipxe/52-54-00-00-00-01/7": script("sanboot --no-describe --drive 0x80 || exit"),
  });
  const text = script("sleep 20", "chain --replace --autofree --timeout 5 ${net0/mac:hexhyp}/7 ||", "reboot");
  assert.deepEqual(await runIpxe(text, `${URL_OF_SCRIPT.replace(/[^/]+$/, "")}x`, machine), { kind: "disk" });
  assert.deepEqual(machine.did, ["sleep 20000", "fetch /boot/ipxe/52-54-00-00-00-01/7 5"]);
});

test("a chained script that comes to its end gives the word back", async () => {
  const machine = machineWith({ "/inner": script("echo in it") });
  const end = await runIpxe(script("chain /inner", "echo back", "exit 1"), URL_OF_SCRIPT, machine);
  assert.deepEqual(end, { kind: "exit", code: 1 });
  assert.deepEqual(machine.did.slice(1), ["echo in it", "echo back"]);
});

test("a line that fails ends the script, unless it says what then", async () => {
  const failing = await runIpxe(script("iseq ${platform} efi", "reboot"), URL_OF_SCRIPT, machineWith({}));
  assert.deepEqual(failing, { kind: "failed", line: "iseq ${platform} efi" });
  const guarded = script(
    "iseq ${platform} efi && exit 1 ||",
    "isset ${net0/mac} && echo has ${net0/mac} || exit 2",
    "exit 3",
  );
  const machine = machineWith({});
  assert.deepEqual(await runIpxe(guarded, URL_OF_SCRIPT, machine), { kind: "exit", code: 3 });
  assert.deepEqual(machine.did, ["echo has 52:54:00:00:00:01"]);
});

test("what is no script fails, and a command that is not simulated is told", async () => {
  assert.equal((await runIpxe("<html>", URL_OF_SCRIPT, machineWith({}))).kind, "failed");
  await assert.rejects(runIpxe(script("menu Choose"), URL_OF_SCRIPT, machineWith({})), /no command menu/);
});

test("the scripts of this project: an install boots, after a download that failed once; without one the disk does", async () => {
  const server = { address: "10.0.0.1" as Ipv4, httpPort: 80, name: "server1" };
  const paths = { kernel: "boot/token/linux", initrd: "boot/token/initrd" };
  const install = renderIpxe({ kind: "install", title: "m1", server, ...paths, arguments: ["auto=true"] });
  const files: Record<string, string> = { "/boot/token/linux": "kernel" };
  const machine = machineWith(files);
  const sleep = async (ms: number) => {
    await machine.sleep(ms);
    files["/boot/token/initrd"] = "files";
  };
  const end = await runIpxe(install, URL_OF_SCRIPT, { ...machine, sleep });
  assert.equal(end.kind, "boot");
  assert.equal(end.kind === "boot" && end.initrds.length, 1);
  assert.equal(machine.did.filter((what) => what.startsWith("fetch /boot/token/linux")).length, 2);

  const local = renderIpxe({ kind: "local", title: "m1" });
  assert.deepEqual(await runIpxe(local, URL_OF_SCRIPT, machineWith({})), { kind: "disk" });
  assert.deepEqual(await runIpxe(local, URL_OF_SCRIPT, machineWith({}, "efi")), { kind: "exit", code: 1 });
});
