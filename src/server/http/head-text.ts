/** The head of an answer as it stands on the wire, in the order in which node:http writes it. */
import { STATUS_CODES } from "node:http";
import type { Answer } from "./answer.ts";
import { formatHttpDate } from "./date.ts";

export interface Closing {
  /** The connection goes on, and lies idle for so many seconds at most; undefined = it closes. */
  readonly keepAlive: number | undefined;
}

type Head = Pick<Answer, "status" | "headers">;

export function headText(head: Head, now: number, { keepAlive }: Closing): string {
  const known = lasting.get(head) ?? lastingText(head);
  lasting.set(head, known);
  const text = `${known}Date: ${dateText(now)}\r\n`;
  if (keepAlive === undefined) return `${text}Connection: close\r\n\r\n`;
  return `${text}Connection: keep-alive\r\nKeep-Alive: timeout=${keepAlive}\r\n\r\n`;
}

/** What is the same each time that an answer is given. */
const lasting = new WeakMap<Head, string>();

function lastingText({ status, headers }: Head): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}`;
}

let dated = { second: Number.NaN, text: "" };

/** The same for all answers of a second. */
function dateText(now: number): string {
  const second = Math.floor(now / 1000);
  if (second !== dated.second) dated = { second, text: formatHttpDate(now) };
  return dated.text;
}
