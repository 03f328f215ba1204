/**
 * The server that is measured, in a process of its own: `node server.ts FOLDER ADDRESS PORT`, with the folder's files as a
 * tree's are served.
 */
import process from "node:process";
import { parseIpv4 } from "../../src/base/address.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { folderResolver } from "../../src/content/folder.ts";
import { createTftpServer } from "../../src/server/tftp/server.ts";

const [folder = "", where = "", port = "69"] = process.argv.slice(2);
const address = parseIpv4(where);
if (address === undefined) throw new Error(`no address: ${where}`);
const inFolder = folderResolver(folder);
const server = createTftpServer({
  ...{ address, port: Number(port), clock: systemClock, log: silentLog },
  resolve: (path) => inFolder(path.slice(1)),
  observer: { started: () => {}, ended: () => {}, request: () => {} },
});
await server.start();
process.once("SIGTERM", () => {
  process.stderr.write(`${JSON.stringify(server.counters())}\n`);
  process.exit();
});
