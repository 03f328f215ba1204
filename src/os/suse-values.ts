/**
 * Values as AutoYaST writes them: an element with its type in `config:type`, which SLES 10 to 15 all read (the short
 * `t` is of SLES 15 SP3). Text and maps have none.
 */
import { element, type XmlElement, type XmlNode } from "./xml.ts";

export function map(name: string, children: readonly XmlNode[]): XmlElement {
  return element(name, children);
}

export function list(name: string, children: readonly XmlNode[]): XmlElement {
  return element(name, children, { "config:type": "list" });
}

/** A list of texts, each in an element `item`. */
export function texts(name: string, item: string, values: readonly string[]): XmlElement {
  return list(
    name,
    values.map((value) => text(item, value)),
  );
}

export function text(name: string, value: string | number): XmlElement {
  return element(name, `${value}`);
}

export function bool(name: string, value: boolean): XmlElement {
  return element(name, `${value}`, { "config:type": "boolean" });
}

export function integer(name: string, value: number): XmlElement {
  return element(name, `${value}`, { "config:type": "integer" });
}

export function symbol(name: string, value: string): XmlElement {
  return element(name, value, { "config:type": "symbol" });
}
