import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bytesFile, joinSegments } from "../../../src/content/segments.ts";
import type { FileResolver, Lookup } from "../../../src/content/served-file.ts";
import { normalisePath } from "../../../src/server/tftp/request.ts";
import type { TftpOption, TftpPacket } from "../../../src/wire/tftp-packet.ts";
import { NO_FAULTS, SimulatedClient, Simulation } from "../../property/tftp-simulation.ts";

const PORT = 2070;
const CONTENT = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));
const FILE: Lookup = { kind: "file", file: bytesFile(CONTENT, "application/octet-stream", 0) };
const TSIZE = [{ name: "tsize", value: "0" }];

async function started(resolve: FileResolver, maxSessions = 4096): Promise<Simulation> {
  const simulation = new Simulation(resolve, NO_FAULTS, 1, maxSessions);
  await simulation.server.start();
  return simulation;
}

function read(path: string, options: readonly TftpOption[] = [], mode = "octet"): TftpPacket {
  return { kind: "read", path, mode, options };
}

/** What the server says to one packet in the next hundred milliseconds. */
async function answerTo(packet: TftpPacket | Uint8Array, found: Lookup = FILE): Promise<[string[], Simulation]> {
  const simulation = await started(async () => found);
  simulation.toServer(PORT, packet);
  await simulation.run(() => false, 100);
  return [simulation.sent.map(printed), simulation];
}

function printed(packet: TftpPacket): string {
  if (packet.kind === "error") return `error ${packet.code} ${packet.text}`;
  if (packet.kind === "data") return `data ${packet.block}`;
  return packet.kind;
}

const paths = [
  ["pxelinux.0", "/pxelinux.0"],
  ["/boot//grub/./x86_64-efi/core.efi", "/boot/grub/x86_64-efi/core.efi"],
  ["\\Boot\\x64\\f", "/Boot/x64/f"],
  ["", "/"],
  ["päckli", "/päckli"],
  ["a..b/..c", "/a..b/..c"],
  ["%2e%2e/f", "/%2e%2e/f"],
  ["../etc/shadow", undefined],
  ["a/../../etc/shadow", undefined],
  ["a\\..\\..\\etc", undefined],
  ["a/..", undefined],
  ["a\nb", undefined],
  ["a\u007fb", undefined],
] as const;
for (const [asked, meant] of paths) {
  test(`path ${JSON.stringify(asked)} means ${meant ?? "nothing"}`, () => assert.equal(normalisePath(asked), meant));
}

test("the resolver hears the normalised path and who asks", async () => {
  const heard: unknown[] = [];
  const simulation = await started(async (path, from) => {
    heard.push(path, from);
    return { kind: "absent" };
  });
  simulation.toServer(PORT, read("\\boot\\f"));
  await simulation.run();
  assert.deepEqual(heard, ["/boot/f", { address: "192.168.77.101", protocol: "tftp" }]);
});

test("what comes to no transfer is told: a file that there is not, a size that was asked for alone", async () => {
  const [, absent] = await answerTo(read("f"), { kind: "absent" });
  assert.deepEqual(absent.requests, ["absent /f"]);
  const [, sized] = await answerTo(read("f", TSIZE));
  sized.toServer(PORT, { kind: "error", code: 0, text: "TFTP Aborted" });
  await sized.run(() => false, 100);
  assert.deepEqual(sized.requests, ["size-only /f"]);
});

const answers: ReadonlyArray<{
  name: string;
  packet: TftpPacket | Uint8Array;
  found?: Lookup;
  said: string[];
  counter: string;
}> = [
  {
    name: "an absent file",
    packet: read("f"),
    found: { kind: "absent" },
    said: ["error 1 no such file"],
    counter: "error.absent",
  },
  {
    name: "a refused file",
    packet: read("f"),
    found: { kind: "refused" },
    said: ["error 2 not allowed"],
    counter: "error.refused",
  },
  { name: "a path that climbs", packet: read("../f"), said: ["error 2 not allowed"], counter: "error.refused" },
  {
    name: "an outage",
    packet: read("f"),
    found: { kind: "broken", code: "upstream-unavailable" },
    said: [],
    counter: "drop.upstream-unavailable",
  },
  {
    name: "a write request",
    packet: { kind: "write", path: "f", mode: "octet", options: [] },
    said: ["error 2 not allowed"],
    counter: "error.write",
  },
  {
    name: "mode mail",
    packet: read("f", [], "mail"),
    said: ["error 4 transfer mode not known: use octet or netascii"],
    counter: "error.mode",
  },
  { name: "a malformed packet", packet: Uint8Array.of(0, 9, 9), said: [], counter: "drop.malformed" },
  { name: "an ACK of an unknown transfer", packet: { kind: "ack", block: 7 }, said: [], counter: "drop.no-session" },
  {
    name: "an error of an unknown transfer",
    packet: { kind: "error", code: 0, text: "" },
    said: [],
    counter: "drop.no-session",
  },
  { name: "data", packet: { kind: "data", block: 1, data: CONTENT }, said: [], counter: "drop.unexpected" },
];
for (const { name, packet, found, said, counter } of answers) {
  test(`${name}: ${said[0] ?? "silence"}`, async () => {
    const [answer, { server, transfers }] = await answerTo(packet, found);
    assert.deepEqual(answer, said);
    assert.equal(server.counters()[counter], 1);
    assert.equal(server.counters().sessions, 0);
    assert.deepEqual(transfers, []);
  });
}

test("a datagram from port 0 is dropped", async () => {
  const simulation = await started(async () => FILE);
  simulation.toServer(0, read("f"));
  await simulation.run();
  assert.deepEqual(simulation.sent, []);
});

test("a resolver that throws is silence to the client", async () => {
  const simulation = await started(async () => {
    throw new Error("bug");
  });
  simulation.toServer(PORT, read("f"));
  await simulation.run();
  assert.deepEqual(simulation.sent, []);
  assert.equal(simulation.server.counters()["drop.internal"], 1);
  assert.equal(simulation.server.counters().sessions, 0);
});

test("a whole transfer is told to the observer", async () => {
  const simulation = await started(async () => FILE);
  const client = new SimulatedClient(simulation, { port: PORT, path: "f", options: TSIZE });
  await simulation.run(() => simulation.transfers.length > 0);
  assert.deepEqual(client.bytes, CONTENT);
  assert.deepEqual(simulation.startedPaths, ["/f"]);
  const [transfer] = simulation.transfers;
  assert.deepEqual(transfer, {
    protocol: "tftp",
    client: "192.168.77.101",
    path: "/f",
    bytes: 5000,
    size: 5000,
    started: 1,
    ended: transfer?.ended,
    complete: true,
    status: 0,
  });
  assert.ok((transfer?.ended ?? 0) > 1);
});

test("a client that only asks for the size is no failure", async () => {
  const simulation = await started(async () => FILE);
  const said: TftpPacket[] = [];
  simulation.listen(PORT, (packet) => {
    said.push(packet);
    simulation.toServer(PORT, { kind: "error", code: 0, text: "TFTP Aborted" });
  });
  simulation.toServer(PORT, read("f", TSIZE));
  await simulation.run();
  assert.deepEqual(said, [{ kind: "oack", options: [{ name: "tsize", value: "5000" }] }]);
  assert.deepEqual([simulation.startedPaths, simulation.transfers], [[], []]);
  assert.equal(simulation.server.counters()["size-only"], 1);
});

test("a client that breaks off is told to the observer with its error code", async () => {
  const simulation = await started(async () => FILE);
  simulation.listen(PORT, () => simulation.toServer(PORT, { kind: "error", code: 3, text: "disk full" }));
  simulation.toServer(PORT, read("f"));
  await simulation.run();
  assert.deepEqual(
    simulation.transfers.map(({ complete, status, bytes }) => ({ complete, status, bytes })),
    [{ complete: false, status: 3, bytes: 512 }],
  );
});

test("a client that falls silent is given up, without a word", async () => {
  const simulation = await started(async () => FILE);
  simulation.toServer(PORT, read("f"));
  await simulation.run();
  assert.deepEqual(
    simulation.sent.map(printed),
    Array.from({ length: 8 }, () => "data 1"),
  );
  assert.equal(simulation.transfers[0]?.complete, false);
  assert.equal(simulation.server.counters()["transfer.silent"], 1);
});

test("a request that comes twice while its file is looked up is answered once", async () => {
  let found: (lookup: Lookup) => void = () => {};
  const simulation = await started(
    () =>
      new Promise((resolve) => {
        found = resolve;
      }),
  );
  for (let turn = 0; turn < 3; turn++) simulation.toServer(PORT, read("f"));
  await simulation.run();
  found(FILE);
  await simulation.run(() => false, 100);
  assert.deepEqual(simulation.sent.map(printed), ["data 1"]);
});

test("a request that comes again before any ACK is answered again, as one transfer", async () => {
  const simulation = await started(async () => FILE);
  simulation.toServer(PORT, read("f"));
  simulation.toServer(PORT, read("f"));
  await simulation.run(() => false, 100);
  assert.deepEqual(simulation.sent.map(printed), ["data 1", "data 1"]);
  assert.deepEqual(simulation.startedPaths, ["/f"]);
});

test("a late duplicate of the request does not disturb the transfer, a later one begins anew", async () => {
  const simulation = await started(async () => FILE);
  simulation.toServer(PORT, read("f"));
  simulation.toServer(PORT, { kind: "ack", block: 1 });
  await simulation.run(() => simulation.sent.length === 1);
  simulation.toServer(PORT, { kind: "ack", block: 1 });
  simulation.toServer(PORT, read("f"));
  await simulation.run(() => false, 15); // before anything is sent again
  assert.deepEqual(simulation.sent.map(printed), ["data 1", "data 2"]);
  await simulation.run(() => false, 2000);
  simulation.sent.length = 0;
  simulation.toServer(PORT, read("f"));
  await simulation.run(() => false, simulation.now() + 100);
  assert.deepEqual(simulation.sent.map(printed), ["data 1"]);
  assert.equal(simulation.server.counters()["transfer.replaced"], 1);
});

test("another request from the same port takes the place of the first", async () => {
  const simulation = await started(async () => FILE);
  simulation.toServer(PORT, read("f"));
  await simulation.run(() => false, 50);
  simulation.toServer(PORT, read("g"));
  await simulation.run(() => false, 100);
  assert.deepEqual(simulation.startedPaths, ["/f", "/g"]);
  assert.deepEqual(
    simulation.transfers.map(({ path, complete }) => ({ path, complete })),
    [{ path: "/f", complete: false }],
  );
});

test("past its limit of transfers it is silent", async () => {
  const simulation = await started(async () => FILE, 2);
  for (const port of [1, 2, 3]) simulation.toServer(port, read("f"));
  await simulation.run(() => false, 100);
  assert.equal(simulation.sent.length, 2);
  assert.equal(simulation.server.counters()["drop.too-many-sessions"], 1);
});

test("stop ends what is under way, also what is still being looked up", async () => {
  let found: (lookup: Lookup) => void = () => {};
  const simulation = await started((path) =>
    path === "/slow"
      ? new Promise((resolve) => {
          found = resolve;
        })
      : Promise.resolve(FILE),
  );
  simulation.toServer(1, read("f"));
  simulation.toServer(2, read("slow"));
  await simulation.run(() => false, 100);
  await simulation.server.stop();
  await simulation.server.stop();
  found(FILE);
  await simulation.run();
  assert.deepEqual(simulation.sent.map(printed), ["data 1"]);
  assert.equal(simulation.transfers.length, 1);
  assert.equal(simulation.server.counters().sessions, 0);
});

test("a file that cannot be read is silence, and goes on when it can", { timeout: 20_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "everboot-tftp-"));
  const segment = { kind: "disk", path: join(folder, "late"), offset: 0, length: 700 } as const;
  const file = joinSegments([segment], { modified: 0, contentType: "", identity: "late" });
  const simulation = await started(async () => ({ kind: "file", file }));
  /** The disk keeps no simulated time. */
  const disk = async (until: () => boolean) => {
    while (!until()) await new Promise(setImmediate);
  };
  simulation.toServer(PORT, read("f"));
  await simulation.run(() => false, 100);
  await disk(() => simulation.server.counters()["read-error"] === 1);
  assert.deepEqual([simulation.sent, simulation.startedPaths], [[], []]);
  await writeFile(segment.path, CONTENT);
  await simulation.run(() => false, 300);
  await disk(() => simulation.sent.length > 0);
  assert.deepEqual(simulation.sent, [{ kind: "data", block: 1, data: new Uint8Array(CONTENT.subarray(0, 512)) }]);
  await simulation.server.stop();
  await rm(folder, { recursive: true });
});

test("the size of a netascii transfer is that after conversion", async () => {
  const text = Buffer.from("one\ntwo\rthree\n".repeat(100));
  const simulation = await started(async () => ({ kind: "file", file: bytesFile(text, "text/plain", 0) }));
  const client = new SimulatedClient(simulation, { port: PORT, path: "f", mode: "netascii", options: TSIZE });
  await simulation.run(() => client.done);
  assert.equal(client.bytes.toString(), "one\r\ntwo\r\0three\r\n".repeat(100));
  const [oack] = simulation.sent;
  assert.deepEqual(oack, { kind: "oack", options: [{ name: "tsize", value: String(client.bytes.length) }] });
});

for (const windowSize of [1, 4, 16]) {
  for (const eager of [false, true]) {
    const name = `window ${windowSize}, ${eager ? "eager" : "calm"} client`;
    test(`no block goes out twice when the network doubles every packet: ${name}`, async () => {
      const simulation = await started(async () => FILE);
      simulation.faults = { loss: 0, duplicate: 1, reorder: 0 };
      const options = [
        { name: "blksize", value: "50" },
        { name: "windowsize", value: String(windowSize) },
      ];
      const client = new SimulatedClient(simulation, { port: PORT, path: "f", options, eager });
      await simulation.run(() => simulation.transfers.length > 0);
      assert.deepEqual(client.bytes, CONTENT);
      assert.equal(simulation.sent.filter(({ kind }) => kind === "data").length, 101);
    });
  }
}
