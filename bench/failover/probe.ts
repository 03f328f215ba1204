/**
 * Asks an address every 20 ms by a new connection, each for itself, and prints when each answer was there, in
 * milliseconds of the kernel's monotonic clock, which all processes share. A program: `node probe.ts ADDRESS PATH`.
 */
import { connect } from "node:net";
import process from "node:process";

const [address = "", path = "/"] = process.argv.slice(2);
const PERIOD_MS = 20;
const PATIENCE_MS = 400;

function ask(): void {
  const socket = connect({ host: address, port: 80, timeout: PATIENCE_MS });
  socket.once("connect", () => socket.write(`HEAD ${path} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n`));
  socket.once("data", (bytes) => {
    if (bytes.toString("latin1").startsWith("HTTP/1.1 200"))
      process.stdout.write(`${Number(process.hrtime.bigint()) / 1e6}\n`);
    socket.destroy();
  });
  socket.once("timeout", () => socket.destroy());
  // No answer is what it looks for.
  socket.once("error", () => {});
}

setInterval(ask, PERIOD_MS);
