import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { beginStream, message, startFakeDaemon } from "../support/fake-daemon.ts";
import { HOSTS, NOW, SERVERS } from "../support/watch-fleet.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const TERMINAL = new URL("../../src/cli/watch-terminal.ts", import.meta.url).href;
const CLOCK = new URL("../../src/base/clock.ts", import.meta.url).href;

const hasScript = spawnSync("script", ["--version"]).error === undefined;
const OPTIONS = { timeout: 120_000, skip: hasScript ? false : "needs `script` of util-linux: package bsdutils" };

/** What a shell on a pseudo-terminal shows that runs node so; its settings are told before and after. */
function startOnTerminal(t: TestContext, args: readonly string[]) {
  const node = [process.execPath, ...args].map((word) => `'${word}'`).join(" ");
  const inner = `echo "settings $(stty -g)."; sh -c 'echo pid $$.; exec "$@"' sh ${node}; echo "exit $?."; echo "settings $(stty -g)."`;
  const shell = spawn("script", ["-qfec", inner, "/dev/null"], {
    env: { ...process.env, TERM: "xterm", SHELL: "/bin/sh" },
  });
  t.after(() => shell.kill());
  let shown = "";
  let changed = () => {};
  shell.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    shown += chunk;
    changed();
  });
  const shows = async (pattern: RegExp) => {
    for (;;) {
      const found = pattern.exec(shown);
      if (found) return found[1] ?? "";
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
  };
  return {
    shows,
    type: (text: string) => shell.stdin.write(text),
    /** The exit code, once the terminal has its own screen, its cursor and its settings again. */
    async end() {
      const code = await shows(/exit (\d+)\./);
      shell.stdin.end();
      if (shell.exitCode === null) await once(shell, "exit");
      const [before, after, ...more] = [...shown.matchAll(/settings (\S+)\./g)].map(([, settings]) => settings);
      assert.deepEqual([after, more], [before, []]);
      assert.ok(shown.includes("\u001b[?1049h"));
      assert.ok(shown.lastIndexOf("\u001b[?1049l") > shown.lastIndexOf("\u001b[?1049h"));
      assert.ok(shown.lastIndexOf("\u001b[?25h") > shown.lastIndexOf("\u001b[?25l"));
      return Number(code);
    },
  };
}

test("the terminal is given back on every way out of the watch", OPTIONS, async (t) => {
  const fleet = message("fleet", { now: NOW, site: "rack1", server: "one", hosts: HOSTS });
  let breakStream = () => {};
  const daemon = await startFakeDaemon(t, (_, response) => {
    beginStream(response, fleet, message("servers", SERVERS));
    breakStream = () => response.write("event: hosts\ndata: {\n\n");
  });
  const watch = ["--disable-warning=ExperimentalWarning", MAIN, "watch", "--state", daemon.state];
  const ways: ReadonlyArray<readonly [string, number, (type: (text: string) => void, pid: number) => void]> = [
    ["q", 0, (type) => type("q")],
    ["Ctrl-C", 0, (type) => type("\u0003")],
    ["SIGTERM", 0, (_, pid) => process.kill(pid, "SIGTERM")],
    ["SIGINT", 0, (_, pid) => process.kill(pid, "SIGINT")],
    ["a message that is no JSON", 1, () => breakStream()],
  ];
  for (const [name, code, leave] of ways) {
    await t.test(name, async (way) => {
      const terminal = startOnTerminal(way, watch);
      const pid = Number(await terminal.shows(/pid (\d+)\./));
      await terminal.shows(/site rack1/);
      leave(terminal.type, pid);
      assert.equal(await terminal.end(), code);
    });
  }
});

test("the terminal is given back when an exception ends the process", OPTIONS, async (t) => {
  const program = `
    import { openTerminal } from "${TERMINAL}";
    import { systemClock } from "${CLOCK}";
    const none = () => {};
    const events = { onKey: none, onResize: none, onReady: none, onEnd: none };
    openTerminal({ input: process.stdin, output: process.stdout }, systemClock, events);
    setImmediate(() => { throw new Error("thrown"); });`;
  const terminal = startOnTerminal(t, ["--input-type=module", "-e", program]);
  await terminal.shows(/thrown/);
  assert.equal(await terminal.end(), 1);
});
