/**
 * What rules of nftables do to a new packet that comes in, as far as that can be told from the rules alone
 * (libnftables-json(5)). Pure. A rule whose conditions are not all understood may match or not: then nothing is claimed.
 */

/** A packet of a service, to this machine. */
export interface Packet {
  readonly interface: string;
  readonly protocol: "udp" | "tcp" | "vrrp";
  readonly port: number;
}

export interface NftRuleset {
  readonly nftables: readonly NftObject[];
}

export interface NftObject {
  readonly chain?: NftChain;
  readonly rule?: NftRule;
  readonly set?: { readonly family: string; readonly table: string; readonly name: string; readonly elem?: unknown };
}

export interface NftChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly type?: string;
  readonly prio?: number;
  readonly policy?: string;
}

interface NftRule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly expr: readonly NftStatement[];
}

type NftStatement = Readonly<Record<string, unknown>>;

/** Who drops it: a rule, or the policy of the chain. */
export interface Dropped {
  readonly chain: NftChain;
  readonly by: string;
}

type Verdict = "accept" | "drop" | "go on" | "unknown";
type Answer = "yes" | "no" | "maybe";

/** The first chain that surely drops it; undefined = none does, or it cannot be told. */
export function dropOf({ nftables }: NftRuleset, packet: Packet): Dropped | undefined {
  const chains = nftables.flatMap(({ chain }) => chain ?? []);
  const base = chains
    .filter(({ hook, family }) => hook === "input" && (family === "ip" || family === "inet"))
    .sort((a, b) => (a.prio ?? 0) - (b.prio ?? 0));
  for (const chain of base) {
    const walk = new ChainWalk(nftables, packet);
    const verdict = walk.through(chain, 0);
    if (verdict === "drop") return { chain, by: walk.by };
    if (verdict === "go on" && chain.policy === "drop") return { chain, by: `policy drop of chain ${chain.name}` };
    if (verdict === "unknown") return undefined;
  }
  return undefined;
}

/** Jumps that deep are a circle, which the kernel does not take. */
const DEEPEST = 16;

class ChainWalk {
  /** The rule that dropped the packet. */
  by = "";
  private readonly objects: readonly NftObject[];
  private readonly packet: Packet;

  constructor(objects: readonly NftObject[], packet: Packet) {
    this.objects = objects;
    this.packet = packet;
  }

  through(chain: Pick<NftChain, "family" | "table" | "name">, depth: number): Verdict {
    const rules = this.objects.flatMap(({ rule }) => rule ?? []).filter((rule) => isIn(rule, chain));
    for (const rule of rules) {
      const verdict = this.apply(rule, depth);
      if (verdict === "return") return "go on";
      if (verdict !== "go on") return verdict;
    }
    return "go on";
  }

  private apply(rule: NftRule, depth: number): Verdict | "return" {
    let matches: Answer = "yes";
    for (const statement of rule.expr) {
      if ("match" in statement) matches = both(matches, this.matches(statement.match, rule));
      else if (!PASSING.some((name) => name in statement)) return this.decide(statement, matches, rule, depth);
      if (matches === "no") return "go on";
    }
    return "go on";
  }

  /** What might accept a packet makes all that follows uncertain; what might drop it claims nothing. */
  private decide(statement: NftStatement, matches: Answer, rule: NftRule, depth: number): Verdict | "return" {
    const verdict = this.verdictOf(statement, rule, depth);
    if (matches === "yes") {
      if (verdict === "drop" && this.by === "") this.by = `rule ${JSON.stringify(rule.expr)} of chain ${rule.chain}`;
      return verdict;
    }
    this.by = "";
    return verdict === "accept" || verdict === "return" ? "unknown" : verdict === "drop" ? "go on" : verdict;
  }

  private verdictOf(statement: NftStatement, rule: NftRule, depth: number): Verdict | "return" {
    if ("drop" in statement || "reject" in statement) return "drop";
    if ("accept" in statement) return "accept";
    if ("return" in statement) return "return";
    const target = targetOf(statement);
    if (target === undefined || depth > DEEPEST) return "unknown";
    const verdict = this.through({ family: rule.family, table: rule.table, name: target }, depth + 1);
    // From a chain that was gone to nobody comes back to the rule behind.
    return "goto" in statement && verdict === "go on" ? "return" : verdict;
  }

  private matches(match: unknown, { family, table }: NftRule): Answer {
    const { op, left, right } = match as { op?: unknown; left?: unknown; right?: unknown };
    const answer = this.compare(left, this.setOf(right, family, table));
    if (op === "!=") return answer === "maybe" ? answer : answer === "yes" ? "no" : "yes";
    return op === "==" || op === "in" ? answer : "maybe";
  }

  private compare(left: unknown, right: unknown): Answer {
    const { protocol, port, interface: device } = this.packet;
    const { meta, payload, ct } = left as { meta?: Key; payload?: { protocol?: string; field?: string }; ct?: Key };
    // A packet that begins something.
    if (ct?.key === "state") return contains(right, ["new"]);
    if (meta?.key === "iifname") return contains(right, [device]);
    if (meta?.key === "l4proto" || payload?.field === "protocol") return contains(right, PROTOCOL_NAMES[protocol]);
    if (payload?.field !== "dport") return payload && isOtherProtocol(payload.protocol, protocol) ? "no" : "maybe";
    if (payload.protocol !== protocol && payload.protocol !== "th") return "no";
    return contains(right, [port]);
  }

  /** `@name` stands for the elements of a set. */
  private setOf(value: unknown, family: string, table: string): unknown {
    if (typeof value !== "string" || !value.startsWith("@")) return value;
    const sets = this.objects.flatMap(({ set }) => set ?? []);
    const found = sets.find((set) => set.family === family && set.table === table && `@${set.name}` === value);
    return { set: found?.elem ?? [] };
  }
}

interface Key {
  readonly key?: string;
}

/** Statements that let the packet go on to the next one. */
const PASSING = ["counter", "log", "limit", "comment", "mangle", "meter"];

const PROTOCOL_NAMES: Readonly<Record<Packet["protocol"], readonly (string | number)[]>> = {
  udp: ["udp", 17],
  tcp: ["tcp", 6],
  vrrp: ["vrrp", 112],
};

function isIn(rule: NftRule, { family, table, name }: Pick<NftChain, "family" | "table" | "name">): boolean {
  return rule.family === family && rule.table === table && rule.chain === name;
}

function targetOf(statement: NftStatement): string | undefined {
  const { jump, goto } = statement as { jump?: { target?: string }; goto?: { target?: string } };
  return (jump ?? goto)?.target;
}

function isOtherProtocol(found: string | undefined, protocol: Packet["protocol"]): boolean {
  return found !== undefined && found !== protocol && ["tcp", "udp", "icmp", "icmpv6", "ip6", "sctp"].includes(found);
}

function both(a: Answer, b: Answer): Answer {
  if (a === "no" || b === "no") return "no";
  return a === "maybe" || b === "maybe" ? "maybe" : "yes";
}

/** Is one of `values` in a value, a range, a list, or a set of these? Names of interfaces may end in `*`. */
function contains(right: unknown, values: readonly (string | number)[]): Answer {
  if (Array.isArray(right)) return anyOf(right.map((each) => contains(each, values)));
  if (typeof right === "number" || typeof right === "string")
    return isYes(values.some((value) => isLike(right, value)));
  const { set, range } = right as { set?: unknown; range?: unknown };
  if (Array.isArray(range)) return isBetween(range.map(Number), values);
  return set === undefined ? "maybe" : contains(set, values);
}

function isBetween([first, last]: readonly number[], values: readonly (string | number)[]): Answer {
  if (first === undefined || last === undefined || Number.isNaN(first + last)) return "maybe";
  return isYes(values.some((value) => Number(value) >= first && Number(value) <= last));
}

function isYes(condition: boolean): Answer {
  return condition ? "yes" : "no";
}

function isLike(pattern: string | number, value: string | number): boolean {
  if (typeof pattern === "number" || !pattern.endsWith("*")) return pattern === value;
  return String(value).startsWith(pattern.slice(0, -1));
}

function anyOf(answers: readonly Answer[]): Answer {
  if (answers.includes("yes")) return "yes";
  return answers.includes("maybe") ? "maybe" : "no";
}
