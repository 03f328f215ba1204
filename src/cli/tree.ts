/** `everboot tree`: the versions of the trees of this server. */
import { EverbootError } from "../base/errors.ts";
import type { Command } from "./command.ts";
import { parseOptions } from "./options.ts";
import { requireSite } from "./site-file.ts";
import { listTrees, pinTree, removeTree, type TreeAction, unpinTree, verifyTreeVersion } from "./tree-actions.ts";
import { haveDaemonLook, type TellDaemon, tellNobody, type UsedVersions, usedByDaemon } from "./tree-use.ts";

const USAGE = `everboot tree list|verify|remove|pin|unpin [-c FILE] [--state DIR] [--json]
  list [TREE]                 the versions of each tree, or of one: when they came, files, bytes; \`>\` is served
  verify TREE [--version ID]  reads all files of the version that is served, or of ID, and holds them against its
                              manifest; exit code 1 when any differs
  remove TREE ID [--force]    removes a version, but not the one that is served, a pinned one, nor one that running
                              installs read; --force: though no daemon tells which those are
  pin TREE ID [--serve]       keeps a version until it is unpinned, on all servers of the site; --serve: and serves it
                              from now on, as all servers do
  unpin TREE ID               lets it go when it is old
  -c, --config FILE           the site file
  --state DIR                 the daemon's state folder: it is asked which versions running installs read, and told
                              of what was changed
  --json                      prints the answer as JSON`;

const ACTIONS: ReadonlyMap<string, TreeAction> = new Map([
  ["list", listTrees],
  ["verify", verifyTreeVersion],
  ["remove", removeTree],
  ["pin", pinTree],
  ["unpin", unpinTree],
]);

const CHANGING: readonly TreeAction[] = [removeTree, pinTree, unpinTree];

/** `used`: asked before a version is removed; `changed`: called when something was changed. */
export function createTreeCommand(used: UsedVersions, changed: TellDaemon = tellNobody): Command {
  return {
    name: "tree",
    summary: "the versions of the trees: listed, verified, removed, pinned",
    usage: USAGE,
    run: async (args, io) => {
      const { values, positionals } = parseOptions(args, {
        config: { type: "string", short: "c" },
        state: { type: "string" },
        version: { type: "string" },
        serve: { type: "boolean" },
        force: { type: "boolean" },
        json: { type: "boolean" },
      });
      const [name = "", ...words] = positionals;
      const action = ACTIONS.get(name);
      if (!action) throw new EverbootError("usage", { what: `everboot tree ${[...ACTIONS.keys()].join("|")}` });
      const { site } = await requireSite(values.config, io);
      const code = await action(
        { ...values, words, trees: site.trees, used: (tree) => used(tree, io, values.state) },
        io,
      );
      if (CHANGING.includes(action)) await changed(io, values.state);
      return code;
    },
  };
}

export const treeCommand: Command = createTreeCommand(usedByDaemon, haveDaemonLook);
