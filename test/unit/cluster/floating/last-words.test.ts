import assert from "node:assert/strict";
import { test } from "node:test";
import { LastWords } from "../../../../src/cluster/floating/last-words.ts";
import { openPeerMessage, type PeerMessage, type TcpConnection } from "../../../../src/wire/peer-message.ts";
import { connectionOf, KEY } from "../../server/peers/messages.ts";

function speaker(connections: () => Promise<readonly TcpConnection[]>) {
  const heard: PeerMessage[] = [];
  const words = new LastWords({
    ...{ server: "s1", key: KEY, epoch: 5, connections },
    send: (packets, port) => {
      assert.equal(port, 7069);
      for (const packet of packets) {
        const opened = openPeerMessage(packet, KEY);
        assert.equal(opened.kind, "message");
        if (opened.kind === "message") heard.push(opened.message);
      }
    },
  });
  return { words, heard };
}

test("connections of a daemon that is stopped are told in its supervisor's name, ten times a second", async () => {
  const { words, heard } = speaker(async () => [connectionOf(40000)]);
  for (let now = 0; now < 300; now += 20) await words.speak(now);
  assert.deepEqual(
    heard.map(({ sequence, round }) => [sequence, round]),
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  );
  assert.deepEqual(heard[0], {
    sender: "s1/supervisor",
    epoch: 5,
    sequence: 1,
    round: 1,
    sessions: [],
    connections: [connectionOf(40000)],
  });
});

test("more than a datagram holds takes several; a table that cannot be read is empty", async () => {
  const many = speaker(async () => Array.from({ length: 300 }, (_, index) => connectionOf(1024 + index)));
  await many.words.speak(0);
  assert.equal(many.heard.flatMap(({ connections }) => connections).length, 300);
  assert.deepEqual(
    many.heard.map(({ sequence }) => sequence),
    many.heard.map((_, index) => index + 1),
  );
  const none = speaker(async () => {
    throw new Error("EACCES");
  });
  await none.words.speak(0);
  assert.deepEqual(none.heard[0]?.connections, []);
});
