/** Heartbeats over a serial line: two pseudo terminals stand for it. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../src/base/clock.ts";
import { openSerialLine, type SerialLine } from "../../src/net/serial.ts";
import { cableObstacle, SerialCable } from "./floating-cable.ts";
import { Client, FloatingSite, floatingObstacle, now, until } from "./floating-lab.ts";

const packetOf = (...bytes: number[]) => Uint8Array.from(bytes);

/** An end of a cable, with all that came in. */
async function endOf(t: TestContext, path: string) {
  const frames: Uint8Array[] = [];
  const troubles: string[] = [];
  const line = await openSerialLine(path, systemClock, {
    frame: (packet) => frames.push(packet),
    trouble: (reason) => troubles.push(reason),
  });
  t.after(() => line.close());
  return { line, frames, troubles };
}

/** Until it has come: the port opens in the background, and what is sent before is lost. */
async function deliver(line: SerialLine, packet: Uint8Array, frames: readonly Uint8Array[]): Promise<void> {
  await until("the packet comes out at the other end", () => {
    line.send(packet);
    return frames.some((frame) => Buffer.compare(frame, packet) === 0);
  });
}

describe("a serial line", { skip: cableObstacle() }, () => {
  test("carries packets both ways, and goes on after noise", async (t) => {
    const cable = await SerialCable.open();
    t.after(() => cable.close());
    const [first, second] = [await endOf(t, cable.ends[0]), await endOf(t, cable.ends[1])];
    await deliver(first.line, packetOf(1, 0xc0, 0xdb, 2), second.frames);
    await deliver(second.line, packetOf(3, 0, 0x11, 0x13, 0x0d, 0x0a), first.frames);
    cable.noise(Buffer.from("login: \xc0\xdb\xff", "latin1"));
    await deliver(first.line, packetOf(4), second.frames);
    assert.deepEqual([first.troubles, second.troubles], [[], []]);
  });

  test("that is not there, or goes away, is told once", async (t) => {
    const absent = await endOf(t, "/dev/ttyNotThere");
    await until("the device is missed", () => absent.troubles.length > 0);
    assert.match(absent.troubles.join(), /^serial line \/dev\/ttyNotThere: .*No such file/);
    const cable = await SerialCable.open();
    t.after(() => cable.close());
    const [first, second] = [await endOf(t, cable.ends[0]), await endOf(t, cable.ends[1])];
    await deliver(first.line, packetOf(1), second.frames);
    await cable.close();
    await until("the line is missed", () => first.troubles.length > 0);
    first.line.send(packetOf(2));
    await pause(100);
    assert.equal(first.troubles.length, 1);
  });
});

describe("two servers with a serial line alone beside the LAN", {
  skip: floatingObstacle ?? cableObstacle(),
  concurrency: 1,
}, () => {
  let cable: SerialCable;
  let site: FloatingSite;
  before(async () => {
    cable = await SerialCable.open();
    const [first, second] = cable.ends;
    site = await FloatingSite.open("flw", 2, ({ name }) => `serial: ${name === "server1" ? first : second}`);
  });
  after(async () => {
    await site.close();
    await cable.close();
  });

  test("a LAN that loses what the servers tell each other moves nothing", async () => {
    const held = () => Promise.all(site.daemons.map(({ server }) => site.lab.holders(server.floating)));
    const before = site.daemons.map(({ states }) => [...states]);
    assert.deepEqual(await held(), [["server1"], ["server2"]]);
    await site.lab.isolate(true);
    await pause(2000);
    const during = await held();
    await site.lab.isolate(false);
    assert.deepEqual(during, [["server1"], ["server2"]]);
    await site.settled();
    assert.deepEqual(
      site.daemons.map(({ states }) => states.size),
      before.map(({ length }) => length),
    );
  });

  test("the address of a server whose LAN is dead moves, and that server lets it go", async () => {
    const { server } = site.daemon(0);
    await site.settled();
    const client = new Client(site.lab, server.floating);
    try {
      await client.servedBy(server);
      const struck = now();
      await site.lab.cut(server, "lan", "silent");
      const moved = await client.movedFrom(server, struck);
      assert.ok(moved < 1000, `${moved} ms`);
      await until("the owner lets it go", async () => (await site.lab.holders(server.floating)).join() === "server2");
    } finally {
      await site.lab.heal(server, "lan");
      await client.close();
    }
    await site.settled();
  });
});
