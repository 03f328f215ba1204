/** The table of what `doctor` can find; docs/doctor.md says more of each. `{name}` parts are filled from the details. */

/** `unseen`: it could not be looked at, which says neither good nor bad. */
export type Severity = "error" | "warning" | "unseen";

interface FindingKind {
  readonly severity: Severity;
  /** What is wrong, and where. */
  readonly what: string;
  /** What to do about it. */
  readonly todo: string;
}

export const FINDINGS = {
  unseen: { severity: "unseen", what: "could not look: {why}", todo: "{todo}" },
  "loader-missing": { severity: "error", what: "loader {loader} is missing", todo: "install package {package}" },
  "loader-unknown": {
    severity: "error",
    what: "loader {loader} is in no package that is known",
    todo: "choose another `loader` in the site file",
  },
  "tree-incomplete": { severity: "error", what: "tree {tree} lacks {lack}", todo: "{todo}" },
  "tree-absent": {
    severity: "error",
    what: "{server} does not serve {file} of tree {tree}",
    todo: "copy the tree to {server}, byte for byte",
  },
  "tree-differs": {
    severity: "error",
    what: "{file} of tree {tree} is not the same on {server} as here",
    todo: "copy the tree from the server that is right to the other one, byte for byte",
  },
  "server-unknown": {
    severity: "error",
    what: "this machine is no server of the site",
    todo: "name one with --server ({names}), or correct its `address` in the site file",
  },
  "address-missing": {
    severity: "error",
    what: "address {address} of {server} is on no interface of this machine",
    todo: "add it here, or correct `address` in the site file",
  },
  "interface-missing": {
    severity: "error",
    what: "interface {interface} of {server} does not exist here, or has no address",
    todo: "give it an address, or correct `interface` in the site file",
  },
  "link-down": {
    severity: "error",
    what: "interface {interface} has no link",
    todo: "see to its cable and the port of the switch (`ip link set {interface} up` if it is switched off)",
  },
  "heartbeat-link-missing": {
    severity: "warning",
    what: "heartbeat link {address} of {server} is on no interface of this machine",
    todo: "add the address here, or correct `links` in the site file",
  },
  "port-taken": {
    severity: "error",
    what: "{protocol} port {port} ({service}) on {where} is taken by {owner}",
    todo: "stop that program, or take it off this port",
  },
  "program-missing": {
    severity: "error",
    what: "program {program} is missing, which is needed for {purpose}",
    todo: "install package {package}",
  },
  "program-old": {
    severity: "error",
    what: "{program} is version {version}, and needs to be {least} or later",
    todo: "install a later package {package}",
  },
  "program-untried": {
    severity: "warning",
    what: "{program} is version {version}, which Everboot was not tried with",
    todo: "install {least} or later",
  },
  "program-rival": {
    severity: "warning",
    what: "a {program} (pid {pid}) runs here that Everboot did not start",
    todo: "`systemctl disable --now {program}`: Everboot runs its own",
  },
  "dhcp-rogue": {
    severity: "error",
    what: "another DHCP server, {address}, gives out addresses on {interface}",
    todo: "switch it off, or set `dhcp: proxy` for subnet {subnet}",
  },
  "dhcp-several": {
    severity: "error",
    what: "{count} DHCP servers give out addresses on {interface}",
    todo: "leave one of them: they are not the site's, and `dhcp: proxy` goes by one",
  },
  "dhcp-silent": {
    severity: "warning",
    what: "no DHCP server gives addresses on {interface}, and subnet {subnet} has `dhcp: proxy`",
    todo: "see to the DHCP server, unless it answers known machines alone; or set `dhcp: authoritative`",
  },
  "proxy-rogue": {
    severity: "error",
    what: "another server, {address}, tells PXE machines on {interface} what to boot",
    todo: "switch its PXE or proxyDHCP service off, or take away its boot file (`next-server`, options 66 and 67)",
  },
  "address-taken": {
    severity: "error",
    what: "address {address} of {owner} is used by another machine",
    todo: "find it by its MAC address in the switch's table, and give it another address",
  },
  "address-twice": {
    severity: "error",
    what: "{count} machines use address {address} of {owner}",
    todo: "find them by their MAC addresses in the switch's table; on a server with two NICs in one network join them to a bond",
  },
  "mtu-path": {
    severity: "error",
    what: "packets of {bytes} bytes, as {interface} sends them, do not reach {server} at {address}",
    todo: "give the interfaces of all servers and the switch's ports one MTU",
  },
  "clock-differs": {
    severity: "warning",
    what: "the clock of {server} is {offset} this one's",
    todo: "run chrony or systemd-timesyncd on both",
  },
  "clock-far": {
    severity: "error",
    what: "the clock of {server} is {offset} this one's",
    todo: "set the one that is wrong, and run chrony or systemd-timesyncd on both: permits and signatures go by the time",
  },
  "clock-unkept": {
    severity: "warning",
    what: "nothing keeps this machine's clock right",
    todo: "run chrony or systemd-timesyncd",
  },
  "firewall-drops": {
    severity: "error",
    what: "this machine's firewall drops {service} ({protocol}) on {interface}",
    todo: "accept it there: `nft insert rule {family} {table} {chain} {match} accept`, and where the rules are kept",
  },
  "server-silent": {
    severity: "error",
    what: "{server} ({address}) does not answer at all",
    todo: "see whether it is switched on, and to its cables",
  },
  "daemon-away": {
    severity: "error",
    what: "the machine of {server} ({address}) answers, its daemon does not",
    todo: "start it there with `everboot up`",
  },
  "port-closed": {
    severity: "error",
    what: "{service} ({protocol} port {port}) of {server} is closed while its other ports answer",
    todo: "see `everboot doctor` and the daemon's log there",
  },
  "port-silent": {
    severity: "error",
    what: "{service} ({protocol} port {port}) of {server} is silent while its other ports answer",
    todo: "open it in the firewall of {server} and in those between",
  },
  "neighbour-table": {
    severity: "warning",
    what: "the kernel keeps {limit} neighbours, and {count} hosts are on this machine's networks",
    todo: "`sysctl -w net.ipv4.neigh.default.gc_thresh3={wanted}`, and in /etc/sysctl.d",
  },
  "receive-buffer": {
    severity: "warning",
    what: "sockets may buffer {limit} bytes, which loses requests when many of {count} hosts start together",
    todo: "`sysctl -w net.core.rmem_max=4194304`, and in /etc/sysctl.d",
  },
  "accept-queue": {
    severity: "warning",
    what: "{limit} connections may wait to be accepted, which refuses some when many of {count} hosts start together",
    todo: "`sysctl -w net.core.somaxconn=4096`, and in /etc/sysctl.d",
  },
  "rp-filter": {
    severity: "warning",
    what: "{interface} drops packets that it would not answer by itself (rp_filter=1), and has company in its network",
    todo: "join {interfaces} to a bond, or `sysctl -w net.ipv4.conf.{interface}.rp_filter=2`",
  },
  "nonlocal-bind": {
    severity: "warning",
    what: "net.ipv4.ip_nonlocal_bind was switched off while the daemon runs",
    todo: "`sysctl -w net.ipv4.ip_nonlocal_bind=1`, and see to what sets it: floating addresses are listened on before they come",
  },
  "disk-full": { severity: "error", what: "the disk of {path} has {free} left", todo: "free space there" },
  "disk-low": { severity: "warning", what: "the disk of {path} has {free} left", todo: "free space there" },
  "inodes-few": {
    severity: "error",
    what: "the disk of {path} can take {count} more files",
    todo: "remove small files there, or make a file system with more inodes",
  },
  "disk-slow": {
    severity: "warning",
    what: "the disk of {path} takes {ms} ms to keep a write",
    todo: "put the state folder on a faster disk: each change waits for it, and etcd holds elections",
  },
  "files-few": {
    severity: "warning",
    what: "the daemon may have {limit} files open, and {count} hosts may want {wanted}",
    todo: "set `LimitNOFILE={wanted}` in its systemd unit, or `ulimit -n` before it starts",
  },
  "name-unresolved": {
    severity: "error",
    what: "name {name} ({use}) is not known to this machine's DNS",
    todo: "add it to the DNS, or correct it in the site file",
  },
  "dns-silent": {
    severity: "warning",
    what: "name server {address} of subnet {subnet} does not answer",
    todo: "see to it, or correct `dns` in the site file: installers and installed systems ask it",
  },
  "etcd-quorum": {
    severity: "error",
    what: "etcd has no quorum: nothing can be changed, installs go on",
    todo: "start the members that are down; see `everboot cluster status`",
  },
  "etcd-silent": {
    severity: "error",
    what: "member {member} of etcd ({url}) does not answer",
    todo: "start it: with `everboot up` on a server, `everboot cluster witness` on a witness",
  },
  "etcd-leaderless": {
    severity: "error",
    what: "member {member} of etcd ({url}) knows no leader",
    todo: "open port 2380 between the members, and start those that are down",
  },
  "etcd-unlisted": {
    severity: "error",
    what: "{member} ({url}) is in the site file and no member of etcd",
    todo: "`everboot cluster join` there",
  },
  "etcd-learner": {
    severity: "warning",
    what: "member {member} of etcd has no vote yet",
    todo: "look again in a minute; `everboot cluster join` there if it stays",
  },
  "etcd-old": {
    severity: "error",
    what: "member {member} of etcd is version {version}, and needs to be {least} or later",
    todo: "install a later package etcd-server there",
  },
  "etcd-mixed": {
    severity: "warning",
    what: "the members of etcd have several versions ({versions})",
    todo: "bring all to one, one after the other",
  },
  "etcd-slow": {
    severity: "warning",
    what: "member {member} of etcd takes {ms} ms to keep a change on its disk",
    todo: "put its data on a faster disk",
  },
  "server-unheard": {
    severity: "error",
    what: "no heartbeat of {server} is heard",
    todo: "start its daemon, open UDP port 694 between the servers, and compare `sha256sum` of cluster.key on both",
  },
  "vrrp-unheard": {
    severity: "error",
    what: "{server} holds {address}, and its VRRP is not heard on {interface}",
    todo: "let IP protocol 112 pass between the servers",
  },
  "floating-unheld": {
    severity: "error",
    what: "nobody holds floating address {address} of {server}",
    todo: "see the daemons' logs and keepalived's",
  },
  "floating-away": {
    severity: "warning",
    what: "floating address {address} of {server} is held by {holder}",
    todo: "wait, if {server} came back just now: it goes home when no transfer uses it",
  },
  "site-differs": {
    severity: "error",
    what: "{server} serves another revision of the site file than this server",
    todo: "look again in a minute; if it stays, see its daemon's log and `everboot apply`",
  },
  "site-file-differs": {
    severity: "warning",
    what: "the daemon serves another revision of the site file than the one looked at",
    todo: "`everboot apply` if this file is newer",
  },
  "daemon-unwell": { severity: "error", what: "the daemon is not well: {trouble}", todo: "see its log" },
  "state-behind": {
    severity: "error",
    what: "this server's copy of the common state is not current ({state})",
    todo: "see `everboot cluster status`",
  },
  "bond-degraded": { severity: "error", what: "bond {bond}: {what}", todo: "{todo}" },
  "bond-speeds": {
    severity: "warning",
    what: "the members of bond {bond} run at different speeds",
    todo: "see to the cables and ports of the slower ones, and that both ends negotiate",
  },
} as const satisfies Record<string, FindingKind>;

export type FindingId = keyof typeof FINDINGS;

export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  readonly what: string;
  /** The fact that it was told from. */
  readonly evidence: string;
  readonly todo: string;
}

export type Details = Readonly<Record<string, string | number>>;

export function finding(id: FindingId, details: Details, evidence: string): Finding {
  const { severity, what, todo } = FINDINGS[id];
  return { id, severity, what: filled(what, details), evidence, todo: filled(todo, details) };
}

/** `why` in words. */
export function unseen(why: string, todo: string, evidence = ""): Finding {
  return finding("unseen", { why, todo }, evidence);
}

function filled(text: string, details: Details): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? ""));
}
