/** A process with a mirror, to be killed: FOLDER UPSTREAM KEYRING PATH. */
import { silentLog } from "../../src/base/log.ts";
import { openMirror } from "../../src/content/mirror.ts";

const [path = "", upstream = "", keyring = "", wanted = ""] = process.argv.slice(2);
const tree = { name: "t", family: "debian", release: "bookworm", arch: "amd64", path, upstream, keyring };
const mirror = await openMirror(tree, { log: silentLog, timing: { patience: 60_000 } });
await mirror.lookup("dists/bookworm/InRelease");
await mirror.lookup(wanted);
