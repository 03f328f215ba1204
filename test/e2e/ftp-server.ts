/** An FTP server in a process of its own, to be killed: `ftp-server.ts FOLDER PORT`; prints a line when it listens. */
import { startFtp } from "../support/ftp.ts";

const [, , root = "", port = ""] = process.argv;
const { url } = await startFtp({ root, port: Number(port) });
process.stdout.write(`${url}\n`);
