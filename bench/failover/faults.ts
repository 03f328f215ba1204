/** What happens to the server that serves: each fault as an act that is ready to be done at its moment. */
import { readFileSync } from "node:fs";
import { kill } from "../../lab/cleanup.ts";
import type { LabCluster } from "../../lab/cluster.ts";
import type { LabServer, ServersLab } from "../../lab/servers.ts";
import type { Chance, Fault } from "./plan.ts";
import type { Rig } from "./rig.ts";

/** Does it. Whatever takes long is done before. */
export type Act = () => Promise<void> | void;

type Prepare = (rig: Rig, victim: LabServer, chance: Chance) => Act | Promise<Act>;

/** Jumps are as long as NTP makes them after a reboot with a dead battery; not past a permit's four hours of life. */
const LONGEST_JUMP_SECONDS = 3600;

export const PREPARE: Readonly<Record<Fault, Prepare>> = {
  none: () => () => undefined,
  "kill-daemon":
    ({ lab }, victim) =>
    () =>
      kill(lab.daemon(victim)?.pid),
  "kill-server":
    ({ lab }, victim) =>
    () =>
      killAtOnce(lab.net, victim),
  cut: ({ lab }, victim, chance) => {
    const how = cutKind(chance);
    return async () => {
      await Promise.all([lab.net.cut(victim, "lan", how), lab.net.cut(victim, "cross", how)]);
    };
  },
  freeze:
    ({ lab }, victim) =>
    () =>
      kill(lab.daemon(victim)?.pid, "SIGSTOP"),
  "disk-full":
    ({ disks }, victim) =>
    () =>
      disks.fill(victim.name),
  "etcd-member":
    ({ lab }, victim) =>
    () =>
      kill(lab.member(victim.name)?.pid),
  "etcd-leader": async ({ lab }) => {
    const leader = await etcdLeader(lab);
    return () => kill(lab.member(leader)?.pid);
  },
  keepalived: ({ lab }, victim) => {
    const pids = lab.net.processes(victim).filter((pid) => commandOf(pid) === "keepalived");
    return () => {
      for (const pid of pids) kill(pid);
    };
  },
  "clock-jump": ({ clocks }, victim, chance) => {
    const seconds = Math.round((chance() < 0.5 ? -1 : 1) * LONGEST_JUMP_SECONDS ** chance());
    return () => clocks.set(victim.name, seconds);
  },
  "heartbeat-cut":
    ({ lab }, victim) =>
    async () => {
      await Promise.all([lab.net.cut(victim, "cross", "silent"), lab.net.loseHeartbeats(true)]);
    },
  "lan-cut": ({ lab }, victim, chance) => {
    const how = cutKind(chance);
    return () => lab.net.cut(victim, "lan", how);
  },
};

/** Stopped first: a process that sees another one end would still give the addresses up in order. */
export function killAtOnce(net: ServersLab, server: LabServer): void {
  const pids = net.processes(server);
  for (const signal of ["SIGSTOP", "SIGKILL"] as const) for (const pid of pids) kill(pid, signal);
}

/** As often by a pulled cable as by a switch that forwards nothing. */
function cutKind(chance: Chance): "carrier" | "silent" {
  return chance() < 0.5 ? "carrier" : "silent";
}

/** The name that the kernel has of a process; empty when it is gone. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

/** Name of the member of etcd that leads. */
async function etcdLeader(lab: LabCluster): Promise<string> {
  for (const name of lab.members()) {
    const url = `${lab.memberUrl(name)}/v3/maintenance/status`;
    const status = JSON.parse(await lab.net.client.exec("curl", ["-sS", "-m", "2", "-d", "{}", url]));
    if (status.leader !== undefined && status.leader === status.header?.member_id) return name;
  }
  throw new Error("no member of etcd leads");
}
