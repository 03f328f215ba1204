/**
 * Repositories that YaST and Agama leave to the installed system: the tree as they installed from it, which is one
 * version of it, and by the profile's protocol. YaST writes them after its last script (yast-installation 4.7,
 * inst_finish.rb: `autoinst_scripts2` comes before `pkg`), so that they are put right at the first start.
 */
import type { Profile } from "../site/model.ts";
import type { FamilyInput } from "./family.ts";
import { shellQuote } from "./quoting.ts";
import { installTree } from "./server-urls.ts";

const FILES = "/etc/zypp/repos.d/*.repo";

/** Commands of the installed system; none where nothing differs. SLES 10 has no such files. */
export function lastingRepositories(servers: FamilyInput["servers"], via: Profile["via"]): readonly string[] {
  const moved = servers.flatMap((server) => {
    const url = installTree(server, via);
    return url === server.lastingTree ? [] : [edit(url, server.lastingTree)];
  });
  if (moved.length === 0) return [];
  return [`sed -i -r ${moved.map((rule) => `-e ${shellQuote(rule)}`).join(" ")} ${FILES} 2>/dev/null`];
}

/** libzypp may write `@` as `%40`, and adds `?` with parameters for some protocols. */
function edit(url: string, lasting: string): string {
  const pattern = url.replaceAll(".", "[.]").replace("@", "(@|%40)");
  const rest = url.includes("@") ? 3 : 2;
  return `s#^(baseurl *= *)${pattern}(/[^?]*)?([?].*)?$#\\1${lasting}\\${rest}#`;
}
