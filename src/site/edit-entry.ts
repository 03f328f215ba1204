/** A host as lines of a site file, in the style of those that are there. Pure. */
import { stringify } from "yaml";
import type { Ipv4, Mac } from "../base/address.ts";

export interface NewHost {
  readonly name: string;
  readonly nics: readonly [Mac, ...Mac[]];
  readonly address: Ipv4;
  /** Name of a profile. */
  readonly profile: string;
}

export interface FlowStyle {
  /** `{ a: 1 }` in place of `{a: 1}`. */
  readonly isPadded: boolean;
  /** Keys and all values stand in double quotes, as in JSON. */
  readonly isQuoted: boolean;
}

/** `vm3: {nics: ["52:54:00:00:00:07"], address: 192.168.0.131, profile: base}` */
export function flowEntry({ name, ...fields }: NewHost, style: FlowStyle): string {
  return `${key(name, style)}: ${flowMap(Object.entries(fields), style)}`;
}

/** `hosts: {vm3: {...}}` */
export function flowSection(host: NewHost, style: FlowStyle): string {
  return `${key("hosts", style)}: {${flowEntry(host, style)}}`;
}

/** Lines without their ends; `indent` stands before the name, `step` more before each field. */
export function blockEntry({ name, ...fields }: NewHost, indent: string, step: string): string[] {
  const lines = Object.entries(fields).map(([field, value]) => `${indent}${step}${field}: ${scalarOrList(value)}`);
  return [`${indent}${name}:`, ...lines];
}

function flowMap(fields: readonly (readonly [string, string | readonly string[]])[], style: FlowStyle): string {
  const pad = style.isPadded ? " " : "";
  const pairs = fields.map(([name, value]) => {
    const text = style.isQuoted ? quotedText(value) : scalarOrList(value);
    return `${key(name, style)}: ${text}`;
  });
  return `{${pad}${pairs.join(", ")}${pad}}`;
}

function key(name: string, { isQuoted }: FlowStyle): string {
  return isQuoted ? JSON.stringify(name) : name;
}

/** MAC addresses in quotes always: some of them are numbers to YAML. Names only where they are no text without. */
function scalarOrList(value: string | readonly string[]): string {
  return typeof value === "string" ? stringify(value).trimEnd() : quotedText(value);
}

function quotedText(value: string | readonly string[]): string {
  if (typeof value === "string") return JSON.stringify(value);
  return `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
}
