/** How etcd is started. Pure. */
import type { MemberFile } from "./member-file.ts";

/** For members on one LAN, and for what the store asks of them: docs/cluster-state.md says why. */
const SETTINGS = [
  ...["--heartbeat-interval", "50", "--election-timeout", "300"],
  ...["--max-txn-ops", "16384"],
  ...["--auto-compaction-mode", "revision", "--auto-compaction-retention", "10000"],
];

/** Arguments of etcd 3.4 or later. `data`: its data folder. */
export function etcdFlags({ name, clientUrl, peerUrl, members, cluster }: MemberFile, data: string): readonly string[] {
  const all = Object.entries(members).map(([member, url]) => `${member}=${url}`);
  return [
    ...["--name", name, "--data-dir", data],
    ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
    ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
    ...["--initial-cluster", all.join(","), "--initial-cluster-state", cluster],
    ...SETTINGS,
  ];
}
