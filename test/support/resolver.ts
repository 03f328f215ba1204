/** Programs that look names up as the C library is told to, in a namespace, whatever this machine's own files say. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Namespace } from "../../lab/netns.ts";

export interface ResolverFiles {
  /** Addresses of name servers, in the order in which they are asked. */
  readonly servers: readonly string[];
  /** For short names. */
  readonly search: string;
}

/** resolv.conf with the default of 5 s for a name server that is silent, and names by DNS alone. */
export async function writeResolverFiles(folder: string, { servers, search }: ResolverFiles): Promise<void> {
  const lines = [`search ${search}`, ...servers.map((server) => `nameserver ${server}`), "options timeout:5", ""];
  await writeFile(join(folder, "resolv.conf"), lines.join("\n"));
  await writeFile(join(folder, "nsswitch.conf"), "hosts: dns\n");
}

/** What the program printed; a namespace of `ip netns exec` has its own mounts, so the machine's files stay. */
export function resolving(space: Namespace, folder: string, ...command: readonly string[]): Promise<string> {
  const files = ["resolv.conf", "nsswitch.conf"].map((name) => `mount --bind ${join(folder, name)} /etc/${name}`);
  return space.exec("sh", ["-c", `${files.join(" && ")} && exec "$@"`, "sh", ...command]);
}
