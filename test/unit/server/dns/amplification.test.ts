/** How much longer an answer is than its question, over UDP: docs/dns.md has these lines. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Ipv4 } from "../../../../src/base/address.ts";
import { dnsSite } from "../../../../src/server/dns/judge.ts";
import type { DnsServer } from "../../../../src/server/dns/server.ts";
import type { Site } from "../../../../src/site/model.ts";
import { askUdp, type QuestionType, queryBytes, startDns } from "../../../support/dns.ts";
import { siteOf } from "../../../support/sites.ts";

const DOC = join(import.meta.dirname, "../../../../docs/dns.md");
const DOMAIN = "lab.example";
const INSTALL = `install.${DOMAIN}`;
const SIZES = [2, 9, 40];
/** RFC 1035 section 4.2.1; what a client gets at most that says by EDNS that it takes more. */
const [PLAIN_LIMIT, EDNS_LIMIT] = [512, 1232];

type Case = readonly [title: string, question: Buffer];

function named(title: string, name: string, type: QuestionType, edns?: number): Case {
  return [title, queryBytes(name, type, edns === undefined ? {} : { edns })];
}

const CASES: readonly Case[] = [
  named("A of a host", `vm1.${DOMAIN}`, "A"),
  named("PTR of a host", "101.2.0.192.in-addr.arpa", "PTR"),
  named("A of the install name", INSTALL, "A"),
  named("the same, by EDNS 4096", INSTALL, "A", 4096),
  named("AAAA of the install name: no records", INSTALL, "AAAA"),
  named("a name that is not there", `nobody.${DOMAIN}`, "A"),
  named("SOA of the domain", DOMAIN, "SOA"),
  named("NS of the domain", DOMAIN, "NS"),
  named("the same, by EDNS 4096", DOMAIN, "NS", 4096),
  named("ANY", INSTALL, "ANY"),
  named("AXFR over UDP", DOMAIN, "AXFR"),
  named("a name of others", "www.other.test", "A"),
  ["no query but a notification (RFC 1996)", notification()],
];

function notification(): Buffer {
  const bytes = queryBytes(DOMAIN, "SOA");
  bytes.writeUInt16BE(4 << 11, 2);
  return bytes;
}

function siteWith(servers: number): Site {
  const entry = (number: number) => `  s${number}: {address: 192.0.2.${number}, floating: 192.0.2.${100 + number}}`;
  return siteOf(`
site: lab
subnets:
  - {cidr: 192.0.2.0/24, domain: ${DOMAIN}}
names: {install: ${INSTALL}}
servers:
${Array.from({ length: servers }, (_, place) => entry(place + 1)).join("\n")}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts:
  vm1: {nics: ["52:54:00:00:00:01"], address: 192.0.2.201, profile: plain}
`);
}

function start(servers: number, limited = false): Promise<DnsServer> {
  const site = siteWith(servers);
  const live = [...site.servers.values()].flatMap(({ floating }): Ipv4[] => (floating ? [floating] : []));
  const allowance = limited ? { burst: 0, rate: 0 } : { burst: 1e6, rate: 1e6 };
  return startDns(dnsSite(site, []), {
    installAddresses: () => live,
    limits: { site: allowance, others: allowance },
  });
}

/** Bytes, and how many times those of the question. */
function cell(question: Uint8Array, answer: Uint8Array): string {
  return `${answer.length}, ${(answer.length / question.length).toFixed(1)}`;
}

test("the table of questions and answers is as docs/dns.md has it, and no answer is longer than its limit", {
  timeout: 60_000,
}, async () => {
  const cells = CASES.map((): string[] => []);
  for (const size of SIZES) {
    const server = await start(size);
    for (const [index, [title, question]] of CASES.entries()) {
      const answer = await askUdp(server.port, question);
      assert.ok(answer.length <= (title.includes("EDNS") ? EDNS_LIMIT : PLAIN_LIMIT), `${title}: ${answer.length}`);
      cells[index]?.push(cell(question, answer));
    }
    await server.stop();
  }
  const lines = CASES.map(
    ([title, question], index) => `| ${[title, question.length, ...(cells[index] ?? [])].join(" | ")} |`,
  );
  const doc = readFileSync(DOC, "utf8");
  const missing = lines.filter((line) => !doc.includes(`${line}\n`));
  assert.deepEqual(missing, [], `docs/dns.md lacks:\n${missing.join("\n")}`);
});

test("past the rate an answer is as long as its question", { timeout: 30_000 }, async () => {
  const server = await start(9, true);
  const question = queryBytes(DOMAIN, "NS");
  const socket = createSocket("udp4");
  const heard = once(socket, "message");
  // The first one is left out.
  for (let sent = 0; sent < 2; sent += 1) socket.send(question, server.port, "127.0.0.1");
  const [answer] = (await heard) as [Buffer];
  assert.equal(answer.length, question.length);
  assert.deepEqual([server.counters()["drop.rate"], server.counters().slip], [1, 1]);
  socket.close();
  await server.stop();
});
