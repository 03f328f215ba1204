/** XML 1.0 (W3C, fifth edition) as values: what is put together here is well-formed whatever the text says. */

export type XmlNode = XmlElement | XmlComment | XmlRaw;

export interface XmlElement {
  readonly kind: "element";
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Text, or elements; AutoYaST has nothing mixed. */
  readonly content: string | readonly XmlNode[];
}

/** Without `--`, which ends a comment. */
export interface XmlComment {
  readonly kind: "comment";
  readonly text: string;
}

/** Markup of the operator's own, as it is. */
export interface XmlRaw {
  readonly kind: "raw";
  readonly markup: string;
}

export function element(
  name: string,
  content: XmlElement["content"],
  attributes: XmlElement["attributes"] = {},
): XmlElement {
  return { kind: "element", name, attributes, content };
}

export function comment(text: string): XmlComment {
  return { kind: "comment", text };
}

export function raw(markup: string): XmlRaw {
  return { kind: "raw", markup };
}

/** The whole file. */
export function renderDocument(root: XmlElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE ${root.name}>\n${renderNode(root, "")}`;
}

/** Characters that no escape brings into XML 1.0 (section 2.2): control characters, halves of surrogate pairs. */
export function fitsXml(text: string): boolean {
  return text.isWellFormed() && !/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u.test(text);
}

function renderNode(node: XmlNode, indent: string): string {
  switch (node.kind) {
    case "comment":
      return `${indent}<!-- ${node.text} -->\n`;
    case "raw":
      return `${node.markup.trimEnd()}\n`;
    case "element":
      return renderElement(node, indent);
  }
}

function renderElement({ name, attributes, content }: XmlElement, indent: string): string {
  const tag = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${escapeXml(value)}"`)].join(" ");
  if (content.length === 0) return `${indent}<${tag}/>\n`;
  if (typeof content === "string") return `${indent}<${tag}>${renderText(content)}</${name}>\n`;
  return `${indent}<${tag}>\n${content.map((child) => renderNode(child, `${indent}  `)).join("")}${indent}</${name}>\n`;
}

/** Programs stay readable as CDATA; a carriage return would not come through it (section 2.11). */
function renderText(text: string): string {
  if (!text.includes("\n") || text.includes("\r")) return escapeXml(text);
  return `<![CDATA[${text.replaceAll("]]>", "]]]]><![CDATA[>")}]]>`;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"\r\n\t]/g, (character) => ESCAPES[character] ?? character);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#13;",
  "\n": "&#10;",
  "\t": "&#9;",
};
