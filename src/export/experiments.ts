/** Ways to change one key of a site file that concerns one host, so that the file may still be well. */
import { cidrContains, ipv4FromNumber, ipv4ToNumber, parseCidr, parseIpv4, parseMac } from "../base/address.ts";
import { type JsonSchema, schemaAt, siteJsonSchema } from "../site/json-schema.ts";
import { valueAt } from "../site/messages.ts";
import type { SitePath } from "../site/problem.ts";

export interface Experiment {
  /** `hosts.vm1.bond.mode` */
  readonly key: string;
  /** Site files as values, most telling first; `host` is what the host is called there. */
  readonly variants: ReadonlyArray<{ readonly site: unknown; readonly host: string }>;
}

type RawMap = Readonly<Record<string, unknown>>;

/** A key that can be changed: with what it is tried. */
interface Leaf {
  readonly path: SitePath;
  readonly values: readonly unknown[];
}

/** Takes a key or an item out. */
const REMOVED = Symbol("removed");

/** `raw` is a site file that is well. */
export function experimentsOn(raw: unknown, host: string): readonly Experiment[] {
  const schema = siteJsonSchema();
  const leaves = partsFor(raw, host)
    .flatMap((path) => leavesBelow(path, valueAt(raw, path), schemaAt(schema, path)))
    .filter(({ path }) => !isFamily(path));
  return [
    { key: `hosts.${host}`, variants: [renamed(raw, host)] },
    ...leaves.map(({ path, values }) => ({
      key: path.join("."),
      variants: values.flatMap((value) => variantsOf(raw, host, path, value)),
    })),
  ];
}

/** A NIC may be named by its MAC in other keys of its host too: as `primary`, as a member. */
function variantsOf(raw: unknown, host: string, path: SitePath, value: unknown): Experiment["variants"] {
  const alone = { site: replaced(raw, path, value), host };
  const before = valueAt(raw, path);
  if (typeof before !== "string" || typeof value !== "string" || !parseMac(before)) return [alone];
  const entry = JSON.stringify(valueAt(raw, ["hosts", host])).replaceAll(JSON.stringify(before), JSON.stringify(value));
  return [alone, { site: replaced(raw, ["hosts", host], JSON.parse(entry)), host }];
}

/** Every line of an answer file comes from it, which tells nobody anything. */
function isFamily([part, , key]: SitePath): boolean {
  return part === "trees" && (key === "family" || key === undefined);
}

/** What of the file concerns this host. */
function partsFor(raw: unknown, host: string): SitePath[] {
  const profile = String(valueAt(raw, ["hosts", host, "profile"]));
  const tree = String(valueAt(raw, ["profiles", profile, "tree"]));
  const address = parseIpv4(String(valueAt(raw, ["hosts", host, "address"])));
  const subnets = asList(valueAt(raw, ["subnets"]));
  const subnet = subnets.findIndex((each) => {
    const cidr = parseCidr(String(asMap(each).cidr));
    return cidr && address && cidrContains(cidr, address);
  });
  return [
    ["hosts", host],
    ["profiles", profile],
    ["bond"],
    ["trees", tree],
    ["subnets", subnet],
    ["servers"],
    ["site"],
  ];
}

/** Keys that are there, and those that have a default, which is a value too. */
function leavesBelow(path: SitePath, value: unknown, schema: JsonSchema): Leaf[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => leavesBelow([...path, index], item, schema.items ?? {}));
  }
  if (schema.properties || isMap(value)) return leavesOfMap(path, value, schema);
  const given = value ?? schema.default;
  if (given === undefined || Array.isArray(given)) return [];
  return [{ path, values: [...otherValues(given, schema), ...(value === undefined ? [] : [REMOVED])] }];
}

/** The map as a whole, and what is in it. */
function leavesOfMap(path: SitePath, value: unknown, schema: JsonSchema): Leaf[] {
  if (value === undefined && schema.default === undefined) return [];
  const map = asMap(value);
  const keys = new Set([...Object.keys(schema.properties ?? {}), ...Object.keys(map)]);
  return [
    ...(value === undefined ? [] : [{ path, values: [REMOVED] }]),
    ...[...keys].flatMap((key) => leavesBelow([...path, key], map[key], schemaAt(schema, [key]))),
  ];
}

function otherValues(value: unknown, schema: JsonSchema): unknown[] {
  if (schema.enum) return schema.enum.filter((other) => other !== value);
  if (typeof value === "boolean") return [!value];
  if (typeof value === "number") return [value + 1, value - 1, value * 2];
  return typeof value === "string" ? otherTexts(value) : [];
}

/** Another one of its kind: an address on the same network, another MAC, a longer word. */
function otherTexts(text: string): string[] {
  const address = parseIpv4(text);
  if (address) return [1, -1, 7, -7].map((step) => ipv4FromNumber(ipv4ToNumber(address) + step));
  const mac = parseMac(text);
  if (mac) return ["fe", "fd"].map((last) => `${mac.slice(0, -2)}${last}`);
  return [`${text}x`, `x${text}`, `${text}0`];
}

function renamed(raw: unknown, host: string): Experiment["variants"][number] {
  const name = `${host}x`;
  const hosts = asMap(asMap(raw).hosts);
  const entries = Object.entries(hosts).map(([key, value]) => [key === host ? name : key, value]);
  return { site: { ...asMap(raw), hosts: Object.fromEntries(entries) }, host: name };
}

/** A copy of `node` in which the value at `path` is another one. */
function replaced(node: unknown, path: SitePath, value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(node)) {
    return node.flatMap((item, index) => {
      if (index !== key) return [item];
      return rest.length === 0 && value === REMOVED ? [] : [replaced(item, rest, value)];
    });
  }
  const map = asMap(node);
  if (rest.length === 0 && value === REMOVED) {
    const { [key]: _removed, ...others } = map;
    return others;
  }
  // A key that is there keeps its place: the order of servers means something.
  return { ...map, [key]: replaced(map[key], rest, value) };
}

function isMap(value: unknown): value is RawMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asMap(value: unknown): RawMap {
  return isMap(value) ? value : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
