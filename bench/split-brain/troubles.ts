/** Makes and mends what a schedule says, in the lab. */
import { setTimeout as delay } from "node:timers/promises";
import { kill } from "../../lab/cleanup.ts";
import type { LabCluster } from "../../lab/cluster.ts";
import type { LabServer } from "../../lab/servers.ts";
import type { Trouble } from "./schedule.ts";

/** Resolves when all troubles have come and gone; what was killed may still be on its way up. */
export async function undergo(lab: LabCluster, schedule: readonly Trouble[]): Promise<void> {
  await Promise.all(
    schedule.map(async (trouble) => {
      await delay(trouble.at);
      await make(lab, trouble);
      await delay(trouble.lasts);
      await mend(lab, trouble);
    }),
  );
}

async function make(lab: LabCluster, { kind, server: name, peer }: Trouble): Promise<void> {
  const server = lab.server(name);
  switch (kind) {
    case "deaf":
      return block(server, lab.server(peer));
    case "apart":
      await block(server, lab.server(peer));
      return block(lab.server(peer), server);
    case "lan":
    case "cross":
      return lab.net.cut(server, kind, "silent");
    case "kill-daemon":
      return kill(lab.daemon(server)?.pid);
    case "kill-etcd":
      return kill(lab.member(name)?.pid);
    case "kill-server":
      return lab.killServer(server);
    case "freeze-daemon":
      return kill(lab.daemon(server)?.pid, "SIGSTOP");
    case "freeze-server":
      return lab.net.signal(server, "SIGSTOP");
  }
}

async function mend(lab: LabCluster, { kind, server: name, peer }: Trouble): Promise<void> {
  const server = lab.server(name);
  switch (kind) {
    case "deaf":
      return unblock(server, lab.server(peer));
    case "apart":
      await unblock(server, lab.server(peer));
      return unblock(lab.server(peer), server);
    case "lan":
    case "cross":
      return lab.net.heal(server, kind);
    case "freeze-daemon":
    case "freeze-server":
      return lab.wake(server);
    default:
      lab.startEtcd(name);
      // It may not get up while the others are in trouble: all are started again at the end.
      await lab.startDaemon(server).catch(() => undefined);
  }
}

/** Nothing of the one gets to the other any more, by its routes; what the other sends arrives. */
async function block({ space }: LabServer, peer: LabServer): Promise<void> {
  for (const address of [peer.address, peer.link]) await space.ip(`route replace blackhole ${address}/32`);
}

async function unblock({ space }: LabServer, peer: LabServer): Promise<void> {
  // Another trouble between the same two may have ended before.
  for (const address of [peer.address, peer.link])
    await space.ip(`route del blackhole ${address}/32`).catch(() => undefined);
}
