import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../../../src/base/address.ts";
import { PeerBoard } from "../../../../src/server/peers/board.ts";
import type { PeerMessage } from "../../../../src/wire/peer-message.ts";
import { connectionOf, FLOATING, messageOf, sessionOf } from "./messages.ts";

const { server, client } = sessionOf(2070);

function boardAfter(...messages: ReadonlyArray<Partial<PeerMessage>>): PeerBoard {
  const board = new PeerBoard();
  for (const [index, message] of messages.entries()) board.hear(messageOf(message), index * 10);
  return board;
}

test("what was told last of a session counts", () => {
  const board = boardAfter({ sessions: [sessionOf(2070)] }, { sessions: [sessionOf(2070, { acked: 9 })] });
  assert.deepEqual(board.session(server, client), { session: sessionOf(2070, { acked: 9 }), heardAt: 10 });
  assert.equal(board.session(server, { ...client, port: 1 }), undefined);
  assert.equal(board.session({ ...server, address: "192.168.77.2" as Ipv4 }, client), undefined);
});

test("a new transfer of the same client port takes the place of the old one", () => {
  const next = sessionOf(2070, { path: "/next" });
  const board = boardAfter({ sessions: [sessionOf(2070, { acked: 9 })] }, { sessions: [next] });
  assert.deepEqual(board.session(server, client)?.session, next);
});

test("a fact lives through one lost account, not through more", () => {
  const facts = { sessions: [sessionOf(2070)], connections: [connectionOf(4000)] };
  const kept = boardAfter(facts, { round: 2 });
  assert.ok(kept.session(server, client));
  assert.equal(kept.connectionsTo(FLOATING).length, 1);
  const over = boardAfter(facts, { round: 3 });
  assert.equal(over.session(server, client), undefined);
  assert.deepEqual(over.connectionsTo(FLOATING), []);
});

test("of two servers that tell of a transfer, the one heard last has it", () => {
  const first = { sender: "s1", sessions: [sessionOf(2070, { acked: 50 })] };
  const second = { sender: "s2", sessions: [sessionOf(2070, { acked: 60 })] };
  assert.equal(boardAfter(first, second).session(server, client)?.session.acked, 60);
});

test("a restarted server's earlier transfers are still known", () => {
  const board = boardAfter({ sessions: [sessionOf(2070)] }, { epoch: 2000 });
  assert.ok(board.session(server, client));
});

test("a transfer that this server has taken is no other's", () => {
  const board = boardAfter({ sessions: [sessionOf(2070), sessionOf(2071)] });
  board.taken(sessionOf(2070));
  assert.equal(board.session(server, client), undefined);
  assert.ok(board.session(server, { ...client, port: 2071 }));
});

test("the sessions of an address that has come here are kept, though its last holder no longer tells of them", () => {
  const board = boardAfter({ sessions: [sessionOf(2070)] });
  board.inherit(FLOATING);
  for (let round = 2; round < 10; round++) board.hear(messageOf({ round }), 1000 * round);
  assert.ok(board.session(server, client));
  board.taken(sessionOf(2070));
  assert.equal(board.session(server, client), undefined);
});

test("connections are found by the address they go to, once", () => {
  const connections = [connectionOf(4000), connectionOf(4001, "192.168.77.2" as Ipv4)];
  const board = boardAfter({ connections }, { sender: "s2", connections });
  assert.deepEqual(board.connectionsTo(FLOATING), [connectionOf(4000)]);
});

test("what a dead server told is forgotten when the most patient client has given up", () => {
  const board = boardAfter({ sessions: [sessionOf(2070)] });
  board.prune(131_000);
  assert.ok(board.session(server, client));
  board.prune(200_000);
  assert.equal(board.session(server, client), undefined);
});
