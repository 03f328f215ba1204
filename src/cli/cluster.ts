/** `everboot cluster`: what makes servers of several machines one site, and how they are. */
import { EverbootError } from "../base/errors.ts";
import type { ClusterAction } from "./cluster-action.ts";
import { drainServer } from "./cluster-drain.ts";
import { initCluster, joinCluster, runWitness } from "./cluster-enrol.ts";
import { recoverAlone } from "./cluster-recover.ts";
import { removeMember } from "./cluster-remove.ts";
import { showCluster } from "./cluster-status.ts";
import type { Command } from "./command.ts";
import { parseOptions } from "./options.ts";
import { STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot cluster init|join|witness|status|drain|remove|recover [-c site.yaml] [--state DIR]
  init [--server NAME]        on the first server: makes the secret that all servers share (cluster.key in the state
                              folder), and has its daemon run the member of etcd that \`state\` names for it
  join --key FILE [--server NAME]
                              on each further server: takes a copy of that secret, and has its daemon run its member of
                              etcd; where the cluster runs already, the member is added to it
  witness                     on a machine that is no install server: runs its member of etcd until SIGTERM
  status [--json]             the servers as this one sees them, who holds which floating address, the common state and
                              the members of etcd; exit code 1 when any of that is not well
  drain NAME [--timeout SECONDS] [--back]
                              takes a server out of service: its addresses go to the others and no host is sent to it;
                              waits until nothing is left there (default 1800). --back: puts it into service again
  remove NAME                 takes the member of a server or witness out of etcd; the server must be drained or dead
  recover --yes [--sole]      when most members of etcd are lost for good: makes a cluster of this server's alone.
                              --sole: of two servers without a third member, the other one is dead for now
  -c, --config FILE           the site file (default for status and remove: what the daemon serves by)
${STATE_USAGE}`;

const ACTIONS: ReadonlyMap<string, ClusterAction> = new Map([
  ["init", initCluster],
  ["join", joinCluster],
  ["witness", runWitness],
  ["status", showCluster],
  ["drain", drainServer],
  ["remove", removeMember],
  ["recover", recoverAlone],
]);

export const clusterCommand: Command = {
  name: "cluster",
  summary: "several servers of one site: set up, how they are, taken out of service, recovered",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, {
      ...STATE_OPTION,
      config: { type: "string", short: "c" },
      server: { type: "string" },
      key: { type: "string" },
      timeout: { type: "string" },
      back: { type: "boolean" },
      yes: { type: "boolean" },
      sole: { type: "boolean" },
    });
    const [name = "", ...words] = positionals;
    const action = ACTIONS.get(name);
    if (!action) throw new EverbootError("usage", { what: `everboot cluster ${[...ACTIONS.keys()].join("|")}` });
    return action({ ...values, words }, io);
  },
};
