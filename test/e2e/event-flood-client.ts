/**
 * Run by event-flood.test.ts: installers of a fleet that report without end. `node event-flood-client.ts ORDER.json`.
 * Each report has a number of its own, and is sent again until it is acknowledged. Prints the numbers that were, in
 * groups, as JSON lines.
 */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

export interface FloodOrder {
  /** `http://10.78.0.1` */
  readonly server: string;
  /** Of the hosts, in whose turn reports are sent. */
  readonly macs: readonly string[];
  readonly perSecond: number;
  readonly seconds: number;
}

export interface FloodLine {
  /** All machines have their scripts. */
  readonly ready?: boolean;
  /** Numbers of reports that were acknowledged. */
  readonly noted?: readonly number[];
  /** How many times a report had to be sent again. */
  readonly again?: number;
}

const GROUP_MS = 100;
const RETRY_MS = 100;
const TIMEOUT_MS = 5000;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function print(line: FloodLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function ask(url: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(url, { agent, method: body === undefined ? "GET" : "POST", timeout: TIMEOUT_MS }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      answer.on("error", reject);
      answer.on("end", () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(`${answer.statusCode}`))));
    });
    call.on("timeout", () => call.destroy(new Error("timeout")));
    call.on("error", reject);
    call.end(body);
  });
}

async function tokenOf(server: string, mac: string): Promise<string> {
  const script = await ask(`${server}/boot/ipxe/${mac}`);
  const token = /\/boot\/([0-9a-f-]+)\//.exec(script)?.[1];
  if (token === undefined) throw new Error(script);
  return token;
}

const [file = ""] = process.argv.slice(2);
const { server, macs, perSecond, seconds } = JSON.parse(readFileSync(file, "utf8")) as FloodOrder;
const tokens: string[] = [];
const waiting = [...macs];
const fetchScripts = async () => {
  for (let mac = waiting.shift(); mac !== undefined; mac = waiting.shift()) tokens.push(await tokenOf(server, mac));
};
await Promise.all(Array.from({ length: 32 }, fetchScripts));
print({ ready: true });

let noted: number[] = [];
let again = 0;
async function report(number: number): Promise<void> {
  const url = `${server}/report/${tokens[number % tokens.length]}/packages`;
  while (
    !(await ask(url, `report ${number}`).then(
      () => true,
      () => false,
    ))
  ) {
    again += 1;
    await delay(RETRY_MS);
  }
  noted.push(number);
}

const tell = setInterval(() => {
  print({ noted, again });
  noted = [];
}, GROUP_MS);
const began = performance.now();
const under: Promise<void>[] = [];
for (let sent = 0; sent < perSecond * seconds; ) {
  const due = Math.min(perSecond * seconds, Math.floor(((performance.now() - began) * perSecond) / 1000));
  for (; sent < due; sent++) under.push(report(sent));
  await delay(10);
}
await Promise.all(under);
clearInterval(tell);
print({ noted, again });
agent.destroy();
