import assert from "node:assert/strict";
import { test } from "node:test";
import { type Ipv4, parseIpv4 } from "../../../../src/base/address.ts";
import { type DnsSite, dnsSite, judgeQuery } from "../../../../src/server/dns/judge.ts";
import { type DnsRecord, decodeDnsQuery } from "../../../../src/wire/dns-message.ts";
import { type QuestionType, queryBytes } from "../../../support/dns.ts";
import { exampleSite } from "../../../support/sites.ts";

function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  assert.ok(address);
  return address;
}

const SITE = dnsSite(exampleSite("pair"), []);
const FORWARDING = dnsSite(exampleSite("pair"), [ip("192.168.0.1"), ip("192.0.2.1")]);
const CLIENT = ip("192.168.0.128");
const LIVE = [ip("192.168.0.254"), ip("192.168.0.253")];

interface Case {
  readonly site?: DnsSite;
  readonly client?: Ipv4;
  readonly live?: readonly Ipv4[];
  readonly edit?: (bytes: Buffer) => void;
}

function verdictOn(name: string, type: QuestionType, { site = SITE, client = CLIENT, live = LIVE, edit }: Case = {}) {
  const bytes = queryBytes(name, type, { edns: 1232 });
  edit?.(bytes);
  const incoming = decodeDnsQuery(bytes);
  assert.ok(incoming.kind === "query");
  return judgeQuery(incoming.query, client, site, () => live);
}

function replyTo(...words: Parameters<typeof verdictOn>) {
  const verdict = verdictOn(...words);
  assert.ok(verdict.kind === "reply");
  return verdict.reply;
}

const shown = ({ name, ttl, type, data }: DnsRecord) =>
  `${name} ${ttl} ${type} ${typeof data === "string" ? data : JSON.stringify(data)}`;
const SOA = /^youyuanyin\.org 60 SOA \{"mname":"server1\.youyuanyin\.org","rname":"hostmaster\.youyuanyin\.org",/;

function answersTo(...words: Parameters<typeof verdictOn>): string[] {
  const { rcode, authoritative, answers } = replyTo(...words);
  assert.deepEqual([rcode, authoritative], ["noerror", true]);
  return answers.map(shown);
}

test("names of hosts and servers, forward and reverse, in the case they were asked in", () => {
  assert.deepEqual(answersTo("CLI128.youyuanyin.org", "A"), ["CLI128.youyuanyin.org 60 A 192.168.0.128"]);
  assert.deepEqual(answersTo("server2.youyuanyin.org", "A"), ["server2.youyuanyin.org 60 A 192.168.0.12"]);
  const name = "129.0.168.192.in-addr.arpa";
  assert.deepEqual(answersTo(name, "PTR"), [`${name} 60 PTR cli129.youyuanyin.org`]);
});

test("the install name: live servers' addresses, for seconds", () => {
  const name = "ftp.youyuanyin.org";
  assert.deepEqual(answersTo(name, "A"), [`${name} 2 A 192.168.0.254`, `${name} 2 A 192.168.0.253`]);
  assert.deepEqual(answersTo(name, "A", { live: LIVE.slice(1) }), [`${name} 2 A 192.168.0.253`]);
});

test("no live server holds the tree: an outage, and no lack of a name", () => {
  const { rcode, authoritative, authorities } = replyTo("ftp.youyuanyin.org", "A", { live: [] });
  assert.deepEqual({ rcode, authoritative, authorities }, { rcode: "servfail", authoritative: false, authorities: [] });
});

test("a name that is not there: NXDOMAIN with its zone's SOA", () => {
  const { rcode, answers, authorities } = replyTo("nobody.youyuanyin.org", "A");
  assert.deepEqual([rcode, answers.length, authorities.length], ["nxdomain", 0, 1]);
  assert.match(authorities.map(shown).join(), SOA);
  assert.equal(replyTo("77.0.168.192.in-addr.arpa", "PTR").rcode, "nxdomain", "an address of the subnet, no host's");
  assert.equal(replyTo("a.cli128.youyuanyin.org", "A").rcode, "nxdomain");
});

test("a name without such a record: no data, with its zone's SOA", () => {
  const asked: ReadonlyArray<readonly [string, QuestionType]> = [
    ["cli128.youyuanyin.org", "AAAA"],
    ["ftp.youyuanyin.org", "AAAA"],
    ["cli128.youyuanyin.org", "NS"],
    ["youyuanyin.org", "A"],
    ["128.0.168.192.in-addr.arpa", "A"],
  ];
  for (const [name, type] of asked) {
    const { rcode, answers, authorities } = replyTo(name, type);
    assert.deepEqual([rcode, answers.length, authorities.length], ["noerror", 0, 1], `${name} ${type}`);
  }
});

test("a name that has only names below it: no data", () => {
  const site = dnsSite(
    exampleSite("pair", (text) => text.replace("ftp.youyuanyin.org", "ftp.east.youyuanyin.org")),
    [],
  );
  const { rcode, authorities } = replyTo("east.youyuanyin.org", "A", { site });
  assert.deepEqual([rcode, authorities.length], ["noerror", 1]);
  assert.equal(replyTo("west.youyuanyin.org", "A", { site }).rcode, "nxdomain");
});

test("a zone's SOA and its name servers, with their addresses", () => {
  assert.match(answersTo("youyuanyin.org", "SOA").join(), SOA);
  const { answers, additionals } = replyTo("youyuanyin.org", "NS");
  assert.deepEqual(
    answers.map(({ data }) => data),
    ["server1.youyuanyin.org", "server2.youyuanyin.org"],
  );
  assert.deepEqual(
    additionals.map(({ data }) => data),
    ["192.168.0.11", "192.168.0.12"],
  );
});

test("ANY gets one short record (RFC 8482), and for a name that is not there that it is not", () => {
  const expected = ['ftp.youyuanyin.org 60 HINFO {"cpu":"RFC8482","os":""}'];
  assert.deepEqual(answersTo("ftp.youyuanyin.org", "ANY"), expected);
  assert.equal(replyTo("nobody.youyuanyin.org", "ANY").rcode, "nxdomain");
});

test("zones are not transferred", () => {
  for (const type of ["AXFR", "IXFR"] as const) assert.equal(replyTo("youyuanyin.org", type).rcode, "refused", type);
});

test("another version of EDNS, another class", () => {
  const version = replyTo("cli128.youyuanyin.org", "A", { edit: (bytes) => bytes.writeUInt8(1, bytes.length - 5) });
  assert.equal(version.rcode, "badvers");
  const chaos = (bytes: Buffer) => bytes.writeUInt16BE(3, bytes.length - 13);
  assert.equal(replyTo("cli128.youyuanyin.org", "A", { edit: chaos }).rcode, "refused");
});

test("names of others: refused without forwarders, else passed on for machines of the site alone", () => {
  const refused = replyTo("www.other.example", "A");
  assert.deepEqual([refused.rcode, refused.recursionAvailable], ["refused", false]);
  assert.equal(verdictOn("www.other.example", "A", { site: FORWARDING }).kind, "forward");
  const stranger = replyTo("www.other.example", "A", { site: FORWARDING, client: ip("192.0.2.77") });
  assert.deepEqual([stranger.rcode, stranger.recursionAvailable], ["refused", false]);
});

test("not passed on: what is not to be, ANY and transfers, and questions of a forwarder itself", () => {
  const site = FORWARDING;
  const withoutRecursion = (bytes: Buffer) => bytes.writeUInt16BE(0, 2);
  assert.equal(replyTo("www.other.example", "A", { site, edit: withoutRecursion }).rcode, "refused");
  for (const type of ["ANY", "AXFR"] as const) assert.equal(replyTo("other.example", type, { site }).rcode, "refused");
  assert.equal(replyTo("www.other.example", "A", { site, client: ip("192.168.0.1") }).rcode, "refused", "a loop");
  assert.deepEqual(answersTo("cli128.youyuanyin.org", "A", { site, client: ip("192.168.0.1") }).length, 1);
});

test("with forwarders the site's own names say that others may be asked for too", () => {
  assert.equal(replyTo("cli128.youyuanyin.org", "A", { site: FORWARDING }).recursionAvailable, true);
});
