/**
 * The site file's schema: the one truth for types, defaults, messages, the JSON Schema and docs/site-file.md.
 * Values that are transformed get their default by `prefault`, so that the JSON Schema shows it as one writes it.
 */
import { z } from "zod";
import type { Mac } from "../base/address.ts";
import { bondPolicySchema, bondSchema } from "./bond-schema.ts";
import { HOST_STATES } from "./host-states.ts";
import { LOADER_CHOICES } from "./model.ts";
import * as values from "./values.ts";

/** Names of OS families that a tree may have; which of them this version renders, the registry tells. */
export const KNOWN_FAMILIES = ["redhat", "suse", "agama", "debian", "ubuntu"] as const;
export const BALANCE_POLICIES = ["rendezvous", "parity", "least-loaded"] as const;

const words = z.array(values.word);
const lines = z.array(values.line);
const loader = z.enum(LOADER_CHOICES);

export const subnetSchema = z.strictObject({
  cidr: values.cidr.describe("The network, by its first address and prefix length."),
  router: values.ipv4.exactOptional().describe("Default gateway of the machines."),
  dns: z.array(values.ipv4).prefault([]).describe("Name servers of the machines, best first."),
  domain: values.dnsName.exactOptional().describe("DNS domain of the machines."),
  pool: values.range
    .exactOptional()
    .describe("Addresses for machines that are not listed as hosts; used only if `unknown` allows any."),
  lease: values.duration.prefault("4h").describe("How long an address is lent."),
  dhcp: z
    .enum(["authoritative", "proxy", "off"])
    .default("authoritative")
    .describe(
      "`authoritative`: Everboot gives addresses; `proxy`: another DHCP server does, Everboot adds the boot data; `off`: no DHCP here.",
    ),
  installs: z
    .int()
    .min(1)
    .max(100_000)
    .exactOptional()
    .describe("Installs that run in this network at a time; further machines wait. Left out: no limit."),
});

export const serverSchema = z.strictObject({
  address: values.ipv4.describe("The server's own address."),
  floating: values.ipv4.exactOptional().describe("Address that moves to a surviving server when this one dies."),
  interface: z
    .union([values.interfaceName, z.array(values.interfaceName)])
    .transform((value) => (typeof value === "string" ? [value] : value))
    .prefault([])
    .describe("Interface or interfaces to listen on; none named: all that have an address in a subnet of the site."),
  links: z.array(values.ipv4).prefault([]).describe("Addresses of further heartbeat links to this server."),
  serves: z
    .enum(["odd", "even"])
    .exactOptional()
    .describe("Which host addresses come first; read by `balance: parity`."),
  weight: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe("Share of the hosts against the other servers'; read by `balance: rendezvous` and `least-loaded`."),
  installs: z
    .int()
    .min(1)
    .max(100_000)
    .exactOptional()
    .describe("Installs that it serves at a time; further machines wait in their boot loader. Left out: no limit."),
  serial: values.serialDevice
    .exactOptional()
    .describe("Serial device whose line ends at another server: a further heartbeat link."),
  ftp: z.boolean().default(false).describe("It serves its files by FTP too, on port 21."),
  http_port: z.int().min(1).max(65535).default(80).describe("TCP port of the HTTP server."),
});

export const treeSchema = z.strictObject({
  family: z.enum(KNOWN_FAMILIES).describe("OS family: tells the installer and its answer file."),
  release: values.word.describe(
    'Release as the family names it: `bookworm`, `"9"` (in quotes, or YAML reads a number).',
  ),
  arch: values.word.default("amd64").describe("Architecture, in Debian's names."),
  path: values.line.describe("Folder of the tree; relative to the folder of the site file."),
  upstream: values.upstream
    .exactOptional()
    .describe(
      "Base URL of a mirror: its files are fetched when first asked for, verified and kept in `path`; `apt`: the mirror that apt on the server uses. Left out: the folder holds everything.",
    ),
  repositories: lines
    .exactOptional()
    .describe(
      "Of a mirror of rpm packages: folders with `repodata/` below the upstream, `.` is the upstream itself; left out: those of the family's media.",
    ),
  cache: values.byteSize
    .exactOptional()
    .describe("Of a mirror: so much of packages is kept, as in `40GiB`; left out: all that was asked for."),
  keyring: values.line
    .exactOptional()
    .describe(
      "OpenPGP keyring (binary) that signs the tree, if the distribution did not; relative to the folder of the site file. Installer and installed system trust it.",
    ),
});

const account = {
  password: values.passwordHash
    .exactOptional()
    .describe("crypt(5) hash, as `openssl passwd -6` prints it; left out: no password log-in."),
  ssh_keys: lines.default([]).describe("Public keys for SSH, each as a line of authorized_keys."),
};

const userSchema = z.strictObject({
  name: values.userName.describe("Log-in name."),
  full_name: values.line.exactOptional().describe("Name of the person; left out: the log-in name."),
  ...account,
  sudo: z.boolean().default(false).describe("May become root by sudo."),
});

const keptPartitionSchema = z.strictObject({
  partition: z.int().min(1).max(128).describe("Number of the partition on the disk."),
  mount: values.mountPoint.describe("Where the installed system mounts it."),
});

const diskSchema = z.strictObject({
  layout: z
    .enum(["plain", "lvm", "raid1"])
    .default("plain")
    .describe("Partitions alone, LVM on one partition, or mirrored on two disks."),
  device: z
    .union([values.device, z.array(values.devicePath).min(2).max(2)])
    .default("auto")
    .describe(
      "Disk to install on, which is ERASED, or a list of two for `raid1`; `auto`: the first fixed disk, or the first two.",
    ),
  keep: z
    .array(keptPartitionSchema)
    .default([])
    .describe("Partitions that stay as they are with all they hold; all others of the disk are deleted."),
});

const network = z.enum(["static", "dhcp"]);

export const profileSchema = z.strictObject({
  tree: values.name.describe("Name of the tree to install from."),
  via: z
    .enum(["http", "ftp", "nfs"])
    .default("http")
    .describe("How the installer fetches the tree; `ftp` needs `ftp: true` at every server, `nfs` nfs-ganesha."),
  loader: loader
    .default("auto")
    .describe("How a machine gets from its firmware to the installer's kernel; `auto`: by what its firmware says."),
  language: values.word.default("en_US.UTF-8").describe("Locale of the installed system."),
  keyboard: values.word.default("us").describe("Keyboard layout, by its XKB name."),
  timezone: values.word.default("Etc/UTC").describe("Time zone, by its name in the tz database."),
  ntp: words.default([]).describe("Time servers, by name or address."),
  root: z.strictObject(account).exactOptional().describe("Log-in of root; left out: root cannot log in."),
  users: z.array(userSchema).default([]).describe("Further log-ins."),
  disk: diskSchema.prefault({}).describe("Where and how to install."),
  packages: words.default([]).describe("Packages to install beyond the base system."),
  kernel: values.word.exactOptional().describe("Package of the kernel; left out: the family's default."),
  recommends: z.boolean().default(true).describe("Also install what packages recommend."),
  minimal: z.boolean().default(false).describe("Base system of required packages alone."),
  network: network
    .default("static")
    .describe("How the installed system gets its address: written down, or by DHCP at each start."),
  bond: bondPolicySchema.exactOptional().describe("Bond of all its hosts that have two NICs or more."),
  early: z
    .array(values.script)
    .default([])
    .describe("Shell commands run in the installer, before it looks at the disks."),
  late: z
    .array(values.script)
    .default([])
    .describe("Shell commands run in the installed system at the end of the installation."),
  first_boot: z
    .array(values.script)
    .default([])
    .describe("Shell commands run once by the installed system, when it first starts."),
  kernel_arguments: lines.default([]).describe("More arguments for the installer's kernel."),
  installed_kernel_arguments: lines.default([]).describe("Arguments for the installed system's kernel."),
  answers: z
    .array(z.string())
    .default([])
    .describe("Added to the answer file: lines as they are, or fragments to merge, as the family has it."),
  mirrors: lines.default([]).describe("Package repositories of the installed system, other than the tree."),
});

export const hostSchema = z.strictObject({
  nics: z
    .array(values.mac)
    .min(1)
    // `min` has seen to the first one.
    .transform((macs) => macs as [Mac, ...Mac[]])
    .describe("MAC addresses of all NICs it may boot from; each one identifies the host."),
  address: values.ipv4.describe("The host's own address, whichever NIC asks."),
  bond: bondSchema
    .exactOptional()
    .describe("Joins NICs to one device, in the installed system and in the installer where it can."),
  network: network.exactOptional().describe("The host's own choice in place of its profile's `network`."),
  profile: values.name.describe("Name of the profile to install."),
  loader: loader.exactOptional().describe("The host's own choice in place of its profile's `loader`."),
});

const dnsSchema = z.strictObject({
  forward: z
    .array(values.ipv4)
    .default([])
    .describe("Name servers that are asked for other names, best first; left out: other names are refused."),
});

const apiSchema = z.strictObject({
  port: z.int().min(1).max(65535).default(8080).describe("TCP port of the API and the dashboard."),
  listen: z
    .array(values.ipv4)
    .min(1)
    .exactOptional()
    .describe("Addresses to listen on; left out: the server's own address, and 127.0.0.1."),
  metrics: z
    .enum(["token", "open"])
    .default("token")
    .describe("Who may read `/metrics`: those with a token, or anyone."),
});

/** States of a host (cluster/status.ts) that somebody may want to be told of. */
/** What is idle has come to nothing that could be told. */
const hookEvent = z.enum(HOST_STATES).exclude(["idle"]);

const hookSchema = z.strictObject({
  url: values.httpUrl.describe("Where it is sent to, as JSON by POST."),
  events: z
    .array(hookEvent)
    .min(1)
    .prefault(["failed", "stalled", "verified", "differs"])
    .describe("States of a host that are told when it comes into them."),
  secret_file: values.line
    .exactOptional()
    .describe("File of a secret that signs what is sent, the same on each server; relative to the site file."),
});

const replicationSchema = z.strictObject({
  rate: values.byteRate
    .prefault("50MiB")
    .describe("Bytes a second that a server fetches from all others together, as in `50MiB`."),
  scrub: values.byteRate
    .prefault("20MiB")
    .describe("Bytes a second that a server reads of its own versions in search of bit rot."),
});

export const siteSchema = z.strictObject({
  site: values.name.describe("Name of the site."),
  subnets: z.array(subnetSchema).min(1).describe("Networks with machines to install."),
  unknown: values.name
    .default("ignore")
    .describe("What machines get that are not listed: `ignore` (silence), `discover`, or the name of a profile."),
  balance: z
    .enum(BALANCE_POLICIES)
    .default("rendezvous")
    .describe("How the servers share the hosts; `parity`: odd and even addresses, see `serves`."),
  names: z
    .strictObject({
      install: values.dnsName
        .exactOptional()
        .describe("Name that stands for all install servers, answered by their DNS."),
    })
    .default({})
    .describe("Names handed out in place of addresses."),
  servers: z
    .record(values.dnsLabel, serverSchema)
    .refine((servers) => Object.keys(servers).length > 0, {
      error: "`servers` is empty",
      params: { todo: "name at least one" } satisfies values.IssueHint,
    })
    .describe("Install servers, by name."),
  state: z
    .strictObject({ etcd: z.array(values.httpUrl).min(1).describe("URLs of the members of an etcd cluster.") })
    .exactOptional()
    .describe("Where servers keep their common state; left out: in SQLite, for one server."),
  api: z
    .union([z.enum(["off"]), apiSchema])
    .prefault({})
    .describe("Where the API and the dashboard are to be had; `off`: by the control socket alone."),
  dns: z
    .union([z.enum(["off"]), dnsSchema])
    .exactOptional()
    .describe(
      "Every server answers for the names of the site on port 53; `off`: none does; left out: where `names` has `install`.",
    ),
  hooks: z.array(hookSchema).default([]).describe("Who is told of what becomes of the hosts: web hooks."),
  replication: replicationSchema.prefault({}).describe("How several servers copy the versions of trees to each other."),
  trees: z.record(values.name, treeSchema).default({}).describe("Installable releases, by name."),
  bond: bondPolicySchema.exactOptional().describe("Bond of all hosts that have two NICs or more."),
  profiles: z.record(values.name, profileSchema).prefault({}).describe("What to install, by name."),
  hosts: z.record(values.dnsLabel, hostSchema).prefault({}).describe("Machines to install, by host name."),
});

/** What the entries of the maps by name must be. */
export const ENTRY_SCHEMAS = {
  servers: serverSchema,
  trees: treeSchema,
  profiles: profileSchema,
  hosts: hostSchema,
} as const;

/** The site file as written, checked by itself, with defaults filled in. */
export type SiteEntry = z.output<typeof siteSchema>;
export type SubnetEntry = z.output<typeof subnetSchema>;
export type ServerEntry = z.output<typeof serverSchema>;
export type TreeEntry = z.output<typeof treeSchema>;
export type ProfileEntry = z.output<typeof profileSchema>;
export type HostEntry = z.output<typeof hostSchema>;
export type HookEntry = SiteEntry["hooks"][number];
export type HookEvent = z.output<typeof hookEvent>;
