/**
 * One simulated machine, as a program in its own namespace: `node one.ts DEVICE MAC PAUSE-MS`; prints a JSON line for
 * each step, and ends when it is told to boot from its disk.
 */
import { execFileSync } from "node:child_process";
import process from "node:process";
import { parseMac } from "../../src/base/address.ts";
import { DhcpWire } from "./dhcp.ts";
import { live } from "./machine.ts";

const [device = "eth0", macText = "", pause = "0"] = process.argv.slice(2);
const mac = parseMac(macText);
if (!mac) throw new Error(`${macText} is no MAC address`);
const wire = await DhcpWire.open(device);
await live({
  mac,
  wire,
  takeAddress: (address) => execFileSync("ip", ["addr", "replace", `${address}/24`, "dev", device]),
  pauseMs: Number(pause),
  signal: AbortSignal.timeout(30 * 60_000),
  tell: (step) => process.stdout.write(`${JSON.stringify(step)}\n`),
});
wire.close();
