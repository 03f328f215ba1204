/** YAML text as plain values, together with the place of every key and value, in one walk. */
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLParseError,
} from "yaml";
import { locateFinding, type Place, position } from "./places.ts";
import { type Finding, type Problem, quote } from "./problem.ts";

export interface YamlText {
  /** Maps as objects, lists as arrays; a key that is there twice has its first value. */
  readonly value: unknown;
  /** The first syntax error; or keys that are there twice, aliases of nothing, warnings of the YAML parser. */
  readonly problems: readonly Problem[];
  /** False when the text is not YAML: then `value` cannot be relied on. */
  readonly wellFormed: boolean;
  locate(finding: Finding): Problem;
}

/** Parser and walk recurse into nested collections: the stack ends some hundred levels down, no site file goes past ten. */
const NESTING: Problem = {
  line: 1,
  column: 1,
  what: "lists or maps are nested too deeply",
  todo: "write it flatter",
  severity: "error",
};
const TOO_DEEP: YamlText = { value: undefined, problems: [NESTING], wellFormed: false, locate: () => NESTING };

/** In place of the parser's words where they are written for programmers, or there is something to do. */
const SYNTAX: Readonly<Record<string, { readonly what?: string; readonly todo: string }>> = {
  BAD_INDENT: { todo: "align it with its neighbours" },
  MULTIPLE_DOCS: { what: "a second document starts here", todo: "keep one site to a file" },
  TAB_AS_INDENT: { todo: "indent with blanks" },
};

interface Visited {
  readonly value: unknown;
  readonly place: Place;
}

/** YAML 1.2, core schema. Never throws, whatever the text. */
export function readYaml(text: string): YamlText {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return TOO_DEEP;
  }
}

function parse(text: string): YamlText {
  const lines = new LineCounter();
  // Keys are compared in the walk: the parser's own check takes time quadratic in the number of hosts.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  if (document.errors.some(({ code }) => code === "RESOURCE_EXHAUSTION")) return TOO_DEEP;
  const [first] = document.errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (first) return malformed(lines, first);
  const walk = new Walk(lines);
  for (const { pos, message } of document.warnings) walk.note(pos[0], oneLine(message), "remove it", "warning");
  const { value, place } = walk.visit(document.contents);
  const locate = (finding: Finding) => locateFinding(finding, place, lines);
  return { value, problems: walk.problems, wellFormed: !walk.hasDanglingAlias, locate };
}

/** Only the first error: after it the parser is out of step, and most others follow from it. */
function malformed(lines: LineCounter, error: YAMLParseError): YamlText {
  const { what = oneLine(error.message), todo } = SYNTAX[error.code] ?? {};
  const problem: Problem = {
    ...position(lines, error.pos[0]),
    what: `not YAML: ${what}`,
    todo: todo ?? "look at brackets, quotes and indentation here and above",
    severity: "error",
  };
  return { value: undefined, problems: [problem], wellFormed: false, locate: () => problem };
}

class Walk {
  readonly problems: Problem[] = [];
  hasDanglingAlias = false;
  private readonly lines: LineCounter;
  private readonly anchors = new Map<string, Visited>();

  constructor(lines: LineCounter) {
    this.lines = lines;
  }

  note(offset: number, what: string, todo: string, severity: Problem["severity"] = "error"): void {
    this.problems.push({ ...position(this.lines, offset), what, todo, severity });
  }

  visit(node: Node | null, key?: number): Visited {
    if (isAlias(node)) return this.visitAlias(node, key);
    const visited = this.visitOwn(node, key);
    // Registered when complete, so that a collection cannot hold itself.
    if (node?.anchor !== undefined) this.anchors.set(node.anchor, visited);
    return visited;
  }

  private visitOwn(node: Node | null, key: number | undefined): Visited {
    const children = new Map<string, Place>();
    const isEmpty = isScalar(node) && node.source === "" && node.value === null;
    const value = isEmpty && key !== undefined ? key : (node?.range?.[0] ?? 0);
    const place = { ...(key === undefined ? {} : { key }), value, children };
    if (isMap<Node, Node | null>(node)) return { value: this.visitPairs(node.items, children), place };
    if (isSeq<Node>(node)) return { value: this.visitItems(node.items, children), place };
    return { value: isScalar(node) ? node.value : null, place };
  }

  private visitPairs(pairs: readonly { key: Node; value: Node | null }[], places: Map<string, Place>): object {
    const object: Record<string, unknown> = {};
    for (const pair of pairs) {
      const offset = pair.key.range?.[0] ?? 0;
      const name = this.keyName(pair.key, places);
      if (name === undefined) continue;
      const { value, place } = this.visit(pair.value, offset);
      object[name] = value;
      places.set(name, place);
    }
    return object;
  }

  /** None, with a problem noted, when the key cannot be one of ours. */
  private keyName(key: Node, places: ReadonlyMap<string, Place>): string | undefined {
    const offset = key.range?.[0] ?? 0;
    const name = isScalar(key) ? (key.source ?? "") : "";
    const first = places.get(name);
    if (first) {
      const line = position(this.lines, first.key ?? first.value).line;
      this.note(offset, `key ${quote(name)} is there twice (line ${line})`, "remove one of them");
      return undefined;
    }
    // `__proto__` would set the object's prototype.
    if (name !== "" && name !== "__proto__") return name;
    this.note(offset, name === "" ? "a key must be plain text" : `${name} cannot be a key`, "give it another name");
    return undefined;
  }

  private visitItems(items: readonly Node[], places: Map<string, Place>): unknown[] {
    return items.map((item, index) => {
      const { value, place } = this.visit(item);
      places.set(String(index), place);
      return value;
    });
  }

  private visitAlias(alias: Alias, key: number | undefined): Visited {
    const target = this.anchors.get(alias.source);
    const offset = alias.range?.[0] ?? 0;
    if (!target) {
      this.hasDanglingAlias = true;
      this.note(offset, `no anchor &${alias.source} stands before this alias`, "write the value itself");
    }
    const place = {
      ...(key === undefined ? {} : { key }),
      value: offset,
      children: target?.place.children ?? new Map(),
    };
    return { value: target?.value ?? null, place };
  }
}

function oneLine(message: string): string {
  return message.replace(/\s+/g, " ").trim();
}
