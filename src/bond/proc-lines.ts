/** /proc/net/bonding/<bond> as keys and values, not yet understood: the bond's own, and those of each member. */

export type Fields = Map<string, string>;

export interface MemberLines {
  /** Not checked. */
  readonly name: string;
  readonly fields: Fields;
}

export interface BondLines {
  readonly bond: Fields;
  readonly members: MemberLines[];
  /** Lines without a key, or whose key has come before. */
  readonly odd: string[];
}

/** Key of the line that has none: `bond bond0 has no active aggregator`. */
export const NO_AGGREGATOR = "no active aggregator";

/** A key may hold colons, as `NS IPv6 target/s (xx::xx form)` does: a blank or the line's end follows the right one. */
const LINE = /^(.*?):(?:\s+(.*))?$/s;
/** They say nothing: the keys below them are not used elsewhere. */
const TITLES = new Set(["", "802.3ad info", "Active Aggregator Info:"]);
const SIDES: ReadonlyMap<string, string> = new Map([
  ["details actor lacp pdu:", "actor "],
  ["details partner lacp pdu:", "partner "],
]);

/**
 * Indentation, blank lines and carriage returns are ignored. The keys of a member's two PDUs are alike, so they get
 * their side before them: `actor port state`.
 */
export function splitLines(text: string): BondLines {
  const lines: BondLines = { bond: new Map(), members: [], odd: [] };
  let side = "";
  for (const line of text.split(/[\r\n]+/).map((each) => each.trim())) {
    side = SIDES.get(line) ?? side;
    if (!TITLES.has(line) && !SIDES.has(line)) addLine(lines, line, side);
  }
  return lines;
}

function addLine({ bond, members, odd }: BondLines, line: string, side: string): void {
  const fields = members.at(-1)?.fields ?? bond;
  const [, plainKey, value = ""] = LINE.exec(line) ?? [];
  const key = plainKey === undefined ? keyOfBareLine(line) : sidedKey(plainKey, side);
  if (key === "Slave Interface") members.push({ name: value, fields: new Map() });
  else if (key === undefined || fields.has(key)) odd.push(line);
  else fields.set(key, value);
}

/** The keys of the PDUs are the only ones in small letters. */
function sidedKey(key: string, side: string): string {
  return /^[a-z]/.test(key) ? `${side}${key}` : key;
}

function keyOfBareLine(line: string): string | undefined {
  return line.endsWith(` has ${NO_AGGREGATOR}`) ? NO_AGGREGATOR : undefined;
}

/** The field's value, and out of `fields` with it when it is understood: what stays is unknown. */
export function takeField<T>(fields: Fields, key: string, read: (value: string) => T | undefined): T | undefined {
  const value = fields.get(key);
  const result = value === undefined ? undefined : read(value);
  if (result !== undefined) fields.delete(key);
  return result;
}

export function linesLeft(fields: Fields): string[] {
  return [...fields].map(([key, value]) => `${key}: ${value}`.trimEnd());
}

/** As the kernel's dev_valid_name(): it becomes a part of paths below /sys. */
export function isDeviceName(name: string): boolean {
  return /^[^\s/:\p{Cc}]{1,15}$/u.test(name) && name !== "." && name !== "..";
}

/** Decimal digits, small enough to be exact. */
export function readNumber(value: string): number | undefined {
  return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** Parts between commas. */
export function splitList(value: string): string[] {
  const parts = value.split(",").map((part) => part.trim());
  return parts.filter((part) => part !== "");
}

export function oneOf<const T extends string>(choices: readonly T[]): (value: string) => T | undefined {
  return (value) => choices.find((choice) => choice === value);
}
