import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ConsoleProgress, plainText } from "../../../lab/progress.ts";

/** What a serial port really printed: QEMU 7.2, SeaBIOS 1.16.2, OVMF 2022.11, Debian Installer 20230607+deb12u15. */
function recorded(name: string): string {
  return readFileSync(new URL(`../../fixtures/lab/${name}.console`, import.meta.url), "utf8");
}

/** Stages as `boot:stage`, of a console that arrives in pieces of `size` characters. */
function stagesOf(text: string, size = 7): string[] {
  const progress = new ConsoleProgress();
  const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
  return pieces.flatMap((piece) => progress.feed(piece)).map(({ stage, boot }) => `${boot}:${stage}`);
}

function progressAfter(text: string): ConsoleProgress {
  const progress = new ConsoleProgress();
  progress.feed(text);
  return progress;
}

const CONSOLES = {
  "bios-install": [
    ...["1:firmware", "1:loader", "1:kernel", "1:network", "1:preseed", "1:components", "1:disks", "1:partitioning"],
    ...["1:base", "1:packages", "1:boot-loader", "1:finishing", "1:rebooting"],
  ],
  "bios-local-boot": ["1:firmware", "1:loader", "1:disk-boot", "1:installed"],
  "bios-pxe-ipxe": ["1:firmware", "1:loader", "1:kernel"],
  "bios-pxelinux": ["1:firmware", "1:loader", "1:kernel"],
  "uefi-pxe": ["1:firmware", "1:loader", "1:kernel"],
  "uefi-http": ["1:firmware", "1:loader", "1:kernel"],
};

for (const [name, stages] of Object.entries(CONSOLES)) {
  test(`${name}: its stages, however the text is cut`, () => {
    for (const size of [1, 7, 4096]) assert.deepEqual(stagesOf(recorded(name), size), stages);
  });
  test(`${name}: nothing on the way looks like a question`, () => {
    const progress = new ConsoleProgress();
    for (const line of recorded(name).split("\n")) {
      progress.feed(`${line}\n`);
      assert.equal(progress.question(), undefined, line);
    }
  });
}

const LINES: ReadonlyArray<readonly [string, string]> = [
  ["iPXE (PCI 00:03.0) starting execution...ok", "firmware"],
  [">>Start PXE over IPv4.", "firmware"],
  ["PXELINUX 6.04 PXE 20190226 Copyright (C) 1994-2015 H. Peter Anvin et al", "loader"],
  ["Welcome to GRUB!", "loader"],
  ["Configuring the network with DHCP  ... 4%... 100%", "network"],
  ["main-menu[250]: INFO: Menu item 'partman-base' selected", "partitioning"],
  ["main-menu[250]: INFO: Menu item 'bootstrap-base' selected", "base"],
  ["main-menu[250]: INFO: Menu item 'pkgsel' selected", "packages"],
  ["[  912.345678] reboot: Restarting system", "rebooting"],
  ["Booting from Hard Disk...", "disk-boot"],
];

for (const [line, stage] of LINES) {
  test(`${stage}: ${line}`, () => assert.deepEqual(stagesOf(`${line}\r\n`), [`1:${stage}`]));
}

test("a log-in prompt counts when it waits, not when it is talked about", () => {
  assert.deepEqual(stagesOf("Debian GNU/Linux 12 vm1 ttyS0\r\n\r\nvm1 login: "), ["1:installed"]);
  assert.deepEqual(stagesOf("the vm1 login: prompt comes\r\n"), []);
});

test("each boot tells its stages anew, and a stage is told once a boot", () => {
  const boot = "iPXE (PCI 00:03.0) starting execution...ok\r\n";
  const end = "[ 9.1] reboot: Restarting system\r\n";
  assert.deepEqual(stagesOf(boot + boot + end + boot), ["1:firmware", "1:rebooting", "2:firmware"]);
});

test("what boots in silence after a reboot counts as the next boot", () => {
  assert.deepEqual(stagesOf("[ 9.1] reboot: Restarting system\r\nvm1 login: "), ["1:rebooting", "2:installed"]);
});

test("a machine that falls back to its firmware without a word has booted again", () => {
  const boot = "iPXE (PCI 00:03.0) starting execution...ok\r\n";
  assert.deepEqual(stagesOf(`${boot}Starting system log daemon: syslogd, klogd.\r\n${boot}`), [
    "1:firmware",
    "1:kernel",
    "2:firmware",
  ]);
});

test("a stage that lies behind is no news", () => {
  assert.deepEqual(stagesOf("Installing the base system  ... 0%\r\nDetecting network hardware\r\n"), ["1:base"]);
});

test("a question of the text front end is seen, with its text", () => {
  const question = progressAfter(recorded("question-text")).question();
  assert.match(question ?? "", /Choose the language[\s\S]*Prompt: '\?' for help, default=2>$/);
});

test("a question of the newt front end is seen, with its text", () => {
  const question = progressAfter(recorded("question-newt")).question();
  assert.match(question ?? "", /\[!!\] Select a language/);
});

test("a question that was answered is none any more", () => {
  const answered = `${recorded("question-text")}2\r\nDetecting network hardware  ... 2%`;
  assert.equal(progressAfter(answered).question(), undefined);
});

test("the minute's redraw of the status bar does not hide a question", () => {
  const bar = "\u001b[0m\u001b[H\u001b[7m[  0 start   (1*installer)  2 shell  3 shell  4- log   ][ Nov 20 11:10 ]\r\n";
  assert.ok(progressAfter(recorded("question-text") + bar).question());
});

test("escape sequences and backspaces go, moving the cursor separates", () => {
  assert.equal(plainText("\u001b[0;1mbold\u001b[0m\u001b[25;26Hnext 38%\b\b\b 91%"), "bold\nnext 38% 91%");
});
