/** Environment variables that were lost on the way: `sudo` and `su -` take most of them out. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";

/**
 * The variable as the nearest ancestor of process `pid` was started with it, from `pid` on; undefined where none has
 * it, or they are not ours to look at. `root` stands in for `/`.
 */
export async function ancestorVariable(name: string, pid: number, root = "/"): Promise<string | undefined> {
  for (let ancestor = pid; ancestor > 1; ) {
    const [environment, status] = await Promise.all(
      ["environ", "status"].map((file) => textOf(join(root, "proc", String(ancestor), file))),
    );
    const entry = environment?.split("\0").find((each) => each.startsWith(`${name}=`));
    if (entry) return entry.slice(name.length + 1);
    ancestor = Number(/^PPid:\s*(\d+)$/m.exec(status ?? "")?.[1] ?? 0);
  }
  return undefined;
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "EACCES", "EPERM", "ESRCH"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
