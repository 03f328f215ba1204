/** What works as it stands, but is hardly meant so. */
import type { Finding } from "./problem.ts";
import type { ProfileEntry, SiteEntry } from "./schema.ts";

export function siteWarnings(site: SiteEntry): Finding[] {
  return [
    ...unreachableProfiles(site),
    ...unreadServes(site),
    ...unreadWeights(site),
    ...evenQuorum(site),
    ...takenPorts(site),
  ];
}

/** Machines go first: the API is what then has no port. */
function takenPorts({ api, servers }: SiteEntry): Finding[] {
  if (api === "off") return [];
  return Object.entries(servers)
    .filter(([, { address, http_port }]) => http_port === api.port && (api.listen ?? [address]).includes(address))
    .map(([name]) => ({
      path: ["servers", name, "http_port"],
      at: "key",
      what: `the API and the dashboard have no port at server ${name}: its \`http_port\` is theirs`,
      todo: "choose another one as `port` under `api`, or set `api: off`",
      severity: "warning",
    }));
}

function unreachableProfiles({ profiles }: SiteEntry): Finding[] {
  return Object.entries(profiles)
    .filter(([, profile]) => !letsSomebodyIn(profile))
    .map(([name]) => ({
      path: ["profiles", name],
      at: "key",
      what: `nobody can log in to machines of profile ${name}`,
      todo: "give `root` or one of `users` a password or SSH keys",
      severity: "warning",
    }));
}

function letsSomebodyIn({ root, users }: ProfileEntry): boolean {
  const accounts = root ? [root, ...users] : users;
  return accounts.some(({ password, ssh_keys }) => ssh_keys.length > 0 || password?.startsWith("$"));
}

function unreadServes({ balance, servers }: SiteEntry): Finding[] {
  if (balance === "parity") return [];
  return Object.entries(servers)
    .filter(([, server]) => server.serves !== undefined)
    .map(([name]) => ({
      path: ["servers", name, "serves"],
      at: "key",
      what: `\`serves\` has no effect with \`balance: ${balance}\``,
      todo: "set `balance: parity`, or leave it out",
      severity: "warning",
    }));
}

function unreadWeights({ balance, servers }: SiteEntry): Finding[] {
  if (balance !== "parity") return [];
  return Object.entries(servers)
    .filter(([, server]) => server.weight !== 1)
    .map(([name]) => ({
      path: ["servers", name, "weight"],
      at: "key",
      what: "`weight` has no effect with `balance: parity`",
      todo: "set `balance: rendezvous`, or leave it out",
      severity: "warning",
    }));
}

function evenQuorum({ state }: SiteEntry): Finding[] {
  const members = state?.etcd.length ?? 1;
  if (members % 2 === 1) return [];
  return [
    {
      path: ["state", "etcd"],
      what: `${members} members of etcd bear no more losses than ${members - 1} would`,
      todo: "add a small third machine as a witness, or leave one out",
      severity: "hint",
    },
  ];
}
