/**
 * Asks an address every 5 ms by a new connection, each for itself, and prints `SERVER MILLISECONDS` (of the kernel's
 * monotonic clock, which all processes share) whenever another server answers than before; `refused` for each connection
 * that is.
 */
import { connect } from "node:net";
import { constants, setPriority } from "node:os";

const [address = ""] = process.argv.slice(2);
let last = "";

function ask(): void {
  const socket = connect({ host: address, port: 80, timeout: 400 });
  let answer = "";
  socket.on("data", (bytes) => {
    answer += bytes;
  });
  socket.once("timeout", () => socket.destroy());
  socket.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ECONNREFUSED") process.stdout.write("refused\n");
  });
  socket.once("end", () => {
    if (answer !== "" && answer !== last) process.stdout.write(`${answer} ${Number(process.hrtime.bigint()) / 1e6}\n`);
    last = answer || last;
  });
}

// It is the watch that the others run by: a busy machine must not stop it.
setPriority(constants.priority.PRIORITY_HIGHEST);
setInterval(ask, 5);
