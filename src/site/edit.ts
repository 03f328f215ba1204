/**
 * Adds a host to a site file's text. The place is found by the YAML document, and the new lines are put there in the
 * style of the host before; nothing else of the text changes, not even a blank. Pure.
 */
import { isMap, isScalar, parseDocument } from "yaml";
import { EverbootError } from "../base/errors.ts";
import { blockEntry, flowEntry, flowSection, type NewHost } from "./edit-entry.ts";
import {
  blockIndent,
  blockStep,
  contentEnd,
  type FileMap,
  flowStyle,
  intoFlow,
  lineAfter,
  type Splice,
  spliceAll,
} from "./edit-text.ts";
import { loadSite } from "./load.ts";
import type { Site } from "./model.ts";
import { type Problem, quote } from "./problem.ts";
import { dnsLabel } from "./values.ts";

export interface EditedSite {
  readonly text: string;
  readonly site: Site;
}

/**
 * `text` is a valid site file. Throws EverbootError `host-refused` when it would not be valid with that host, and
 * `site-uneditable` when it is written in a way in which this finds no place.
 */
export function addHost(text: string, host: NewHost): EditedSite {
  // It becomes text of the file: nothing but a name may stand there.
  const { error } = dnsLabel.safeParse(host.name);
  if (error)
    throw new EverbootError("host-refused", { host: quote(host.name), reason: error.issues[0]?.message ?? "" });
  const { root, hosts } = sectionsOf(text);
  const edited = spliceAll(text, hosts ? intoHosts(text, root, hosts, host) : withHosts(text, root, host));
  const loaded = loadSite(edited, "/site.yaml");
  if (!("site" in loaded)) throw refused(host.name, loaded.problems);
  const { site } = loaded;
  const isAdded = site.hosts.has(host.name) && site.hosts.size === (hosts?.items.length ?? 0) + 1;
  if (!isAdded) throw new EverbootError("site-uneditable");
  return { text: edited, site };
}

function refused(name: string, problems: readonly Problem[]): EverbootError {
  const problem = problems.find(({ severity }) => severity === "error");
  const reason = [problem?.what, problem?.todo].filter((part) => part !== undefined).join(", ");
  return new EverbootError("host-refused", { host: name, reason });
}

function sectionsOf(text: string): { readonly root: FileMap; readonly hosts?: FileMap } {
  const root = mapOrRefuse(parseDocument(text, { prettyErrors: false, uniqueKeys: false }).contents);
  const found = root.items.find(({ key }) => isScalar(key) && key.source === "hosts");
  return found ? { root, hosts: mapOrRefuse(found.value) } : { root };
}

/** An alias stands for text elsewhere, which may serve for something else too. */
function mapOrRefuse(node: unknown): FileMap {
  if (isMap(node)) return node as FileMap;
  throw new EverbootError("site-uneditable");
}

/** A file without `hosts`. */
function withHosts(text: string, root: FileMap, host: NewHost): Splice[] {
  if (root.flow) return intoFlow(text, root, (style) => flowSection(host, style));
  const indent = blockIndent(text, root);
  return [lineAfter(text, contentEnd(root), [`${indent}hosts:`, ...blockEntry(host, `${indent}  `, "  ")])];
}

function intoHosts(text: string, root: FileMap, hosts: FileMap, host: NewHost): Splice[] {
  const { value: last } = hosts.items.at(-1) ?? {};
  if (last === undefined && !root.flow) return inPlaceOfNone(text, root, hosts, host);
  if (hosts.flow) return intoFlow(text, hosts, (style) => flowEntry(host, style));
  const indent = blockIndent(text, hosts);
  const end = contentEnd(hosts);
  if (isMap(last) && last.flow)
    return [lineAfter(text, end, [indent + flowEntry(host, flowStyle(text, last as FileMap))])];
  const step = isMap(last) ? blockStep(text, last as FileMap, indent) : "  ";
  return [lineAfter(text, end, blockEntry(host, indent, step))];
}

/** `hosts: {}` gives way to lines of their own; with a comment between the braces they stay. */
function inPlaceOfNone(text: string, root: FileMap, hosts: FileMap, host: NewHost): Splice[] {
  const [start, end] = hosts.range;
  if (!/^\{\s*\}$/.test(text.slice(start, end))) return intoFlow(text, hosts, (style) => flowEntry(host, style));
  const at = text[start - 1] === " " ? start - 1 : start;
  const indent = `${blockIndent(text, root)}  `;
  return [{ at, cut: end - at, text: "" }, lineAfter(text, end, blockEntry(host, indent, "  "))];
}
