/**
 * The one table of what can go wrong (law 10). Text that leaves the process, on the network or on a terminal, comes
 * from here; an exception's own message only goes to the log, as `cause`.
 */

interface ErrorKind {
  /** HTTP status when a client meets it. */
  readonly status: number;
  /** Exit code of a command: 1 the thing asked about is not well, 2 the command or file is wrong. */
  readonly exit: 1 | 2;
  /** Seconds after which a client may try again; absent = trying again will not help. */
  readonly retryAfter?: number;
  /** `{name}` parts are filled from the error's details. What, where, what to do. */
  readonly text: string;
}

export const ERRORS = {
  usage: { status: 400, exit: 2, text: "{what}" },
  "site-invalid": { status: 400, exit: 1, text: "{file} has {count} problem(s): run `everboot check -c {file}`" },
  "site-unreadable": { status: 400, exit: 2, text: "{file}: cannot be read ({reason}): name the site file with -c" },
  "site-conflict": {
    status: 409,
    exit: 1,
    text: "revision {number} was applied meanwhile, at {by}: look at what it changed and run `everboot apply` again",
  },
  "site-elsewhere": {
    status: 409,
    exit: 2,
    text: "{what}: this cannot be applied to daemons that run: stop them, and start them with the new file",
  },
  "site-unusable": {
    status: 500,
    exit: 1,
    text: "revision {number} of the site file cannot be used by this version of Everboot ({reason}): update it here",
  },
  "site-too-large": {
    status: 413,
    exit: 2,
    text: "the site file takes {bytes} bytes packed, {limit} are possible: move long scripts out of it",
  },
  "server-removed": {
    status: 409,
    exit: 1,
    text: "server {server} is not in the site file that was applied (revision {number}): apply one that has it, or leave it off",
  },
  "server-unknown": { status: 400, exit: 2, text: "{what}: name one with --server ({names})" },
  "address-missing": {
    status: 500,
    exit: 1,
    text: "server {server}: its address {address} is on no interface of this machine: add it, or correct `address`",
  },
  "interface-missing": { status: 500, exit: 1, text: "interface {interface} of server {server} does not exist here" },
  "port-in-use": { status: 500, exit: 1, text: "{protocol} port {port} on {where} is in use: stop the other server" },
  "port-denied": {
    status: 500,
    exit: 1,
    text: "{protocol} port {port} on {where} is not allowed: run as root or with CAP_NET_BIND_SERVICE",
  },
  "cluster-key-missing": {
    status: 500,
    exit: 1,
    text: "site {site} has several servers, and {folder} has no cluster.key: run `everboot cluster init` on one server and copy the file to the others",
  },
  "serial-package-missing": {
    status: 500,
    exit: 1,
    text: "serial line {device} needs the npm package serialport: install it, or remove `serial` from the site file",
  },
  "cluster-refused": { status: 409, exit: 1, text: "{what}: {todo}" },
  "etcd-away": {
    status: 503,
    exit: 1,
    retryAfter: 2,
    text: "no member of etcd with a quorum answers ({endpoints}): start those that are down; see docs/cluster.md",
  },
  "etcd-refused": { status: 409, exit: 1, text: "etcd refuses: {reason}; see `everboot cluster status`" },
  "dashboard-absent": {
    status: 503,
    exit: 1,
    text: "the dashboard is not built at this server: run `node web/build.ts` in its clone of Everboot",
  },
  "listener-deaf": { status: 503, exit: 1, text: "{name} does not answer this server itself: restart its daemon" },
  "state-failing": {
    status: 503,
    exit: 1,
    text: "the state folder cannot be written ({reason}): free space on its disk, or repair it",
  },
  "nonlocal-bind-denied": {
    status: 500,
    exit: 1,
    text: "floating addresses cannot be listened on before they come ({reason}): run `sysctl -w net.ipv4.ip_nonlocal_bind=1` as root",
  },
  "interfaces-inseparable": {
    status: 500,
    exit: 1,
    text: "DHCP on several interfaces ({interfaces}) needs Linux and the npm package koffi: install it, or name one `interface`",
  },
  "daemon-absent": { status: 503, exit: 1, text: "no daemon answers at {socket}: start it with `everboot up`" },
  "daemon-silent": {
    status: 503,
    exit: 1,
    text: "the daemon at {place} has sent nothing for {seconds} s: it hangs; look at its log, or restart it",
  },
  "daemon-running": { status: 409, exit: 1, text: "another daemon (pid {pid}) already uses {state}: stop it first" },
  "state-unwritable": { status: 500, exit: 1, text: "{path}: cannot be written ({reason}): choose another --state" },
  "export-unwritable": { status: 500, exit: 1, text: "{path}: cannot be written ({reason}): choose another --out" },
  "state-broken": { status: 500, exit: 1, text: "{path}: not a state of this version ({reason})" },
  "unknown-machine": {
    status: 404,
    exit: 2,
    text: "no unknown machine {mac} has asked here: see `everboot unknown`, or add the host to the site file",
  },
  "host-exists": { status: 409, exit: 2, text: "{what} already: {todo}" },
  "host-refused": { status: 400, exit: 2, text: "host {host} cannot be added: {reason}" },
  "profile-unknown": { status: 404, exit: 2, text: "{what}: {hint}" },
  "address-needed": { status: 409, exit: 2, text: "{why}: choose the host's address with --address" },
  "site-uneditable": {
    status: 409,
    exit: 2,
    text: "no place for a host is found in the way the site file is written: add it by hand, and run `everboot apply`",
  },
  "host-unknown": { status: 404, exit: 2, text: "no host {host} in the site file{hint}" },
  "bond-unknown": { status: 404, exit: 1, text: "no bond {bond} on this machine: {hint}" },
  "bond-refused": { status: 409, exit: 1, text: "{reason}" },
  "bond-step": { status: 500, exit: 1, text: "{what}: {reason}" },
  "tree-unknown": { status: 404, exit: 2, text: "no tree {tree} in the site file{hint}" },
  "tree-incomplete": { status: 409, exit: 1, text: "tree {tree} lacks {what}: {todo}" },
  "import-refused": { status: 400, exit: 2, text: "{from}: {reason}" },
  "version-unknown": { status: 404, exit: 2, text: "{tree}: no version {version}: {hint}" },
  "version-kept": { status: 409, exit: 1, text: "version {version} {reason}, and is kept: {todo}" },
  "version-away": {
    status: 503,
    exit: 1,
    retryAfter: 5,
    text: "{tree}: no server that lives has version {version}: start one that has it",
  },
  "permit-unknown": {
    status: 403,
    exit: 1,
    text: "no such permit, or it is used up: issue one with `everboot install`",
  },
  "permit-exists": { status: 409, exit: 1, text: "{host} has a permit that ends {until}: cancel it first" },
  "file-absent": { status: 404, exit: 1, text: "no such file" },
  "folder-absent": { status: 404, exit: 1, text: "no such folder" },
  "file-refused": { status: 403, exit: 1, text: "not allowed" },
  "mode-unknown": { status: 400, exit: 1, text: "transfer mode not known: use octet or netascii" },
  "request-malformed": { status: 400, exit: 1, text: "not a well-formed request" },
  "request-slow": { status: 408, exit: 1, text: "the request did not arrive in time" },
  "request-too-large": { status: 413, exit: 1, text: "the body of the request is too large" },
  "method-refused": { status: 405, exit: 1, text: "this method is not for this path" },
  "precondition-failed": { status: 412, exit: 1, text: "the file is not the version asked for" },
  "range-outside": { status: 416, exit: 1, text: "the range is outside the file" },
  "store-unavailable": { status: 503, exit: 1, retryAfter: 2, text: "the state cannot be read now; try again" },
  "cluster-away": {
    status: 503,
    exit: 1,
    retryAfter: 2,
    text: "the cluster has no quorum or cannot be reached: nothing can be changed now, installs go on; see `everboot cluster status`",
  },
  "pair-in-contact": {
    status: 409,
    exit: 1,
    text: "server {peer} is in contact: nothing is to be recovered; see `everboot cluster status`",
  },
  "cluster-rewound": {
    status: 503,
    exit: 1,
    text: "the cluster is at revision {theirs}, this server has seen {ours}: it was restored or replaced; see docs/cluster-state.md",
  },
  "upstream-unavailable": {
    status: 503,
    exit: 1,
    retryAfter: 5,
    text: "the upstream mirror does not answer; try again",
  },
  "upstream-down": {
    status: 503,
    exit: 1,
    retryAfter: 5,
    text: "the upstream mirror {upstream} has not answered since {since}: only what is kept can be had; try again",
  },
  "upstream-mismatch": { status: 502, exit: 1, text: "what the upstream sent does not match its signed index" },
  "tree-peer-silent": {
    status: 503,
    exit: 1,
    retryAfter: 5,
    text: "server {server} does not give version {version} of tree {tree} now: see its log",
  },
  "tree-peer-refused": {
    status: 403,
    exit: 1,
    text: "server {server} does not take this one for a server of the site: compare their cluster.key, and their clocks",
  },
  "tree-peer-wrong": {
    status: 502,
    exit: 1,
    text: "server {server} sent wrong bytes of {path} (tree {tree}, version {version}): look at its disk and its log",
  },
  "tree-unheld": {
    status: 503,
    exit: 1,
    retryAfter: 30,
    text: "version {version} of tree {tree} is to be had whole from no server that answers: start one, or import it again",
  },
  "tree-damaged": {
    status: 500,
    exit: 1,
    text: "{path} of tree {tree} (version {version}) is damaged on this server's disk: another server must have it",
  },
  "tree-no-room": {
    status: 503,
    exit: 1,
    text: "tree {tree} takes {needed} bytes more, and {free} are free below {path}: make room",
  },
  "tool-missing": { status: 500, exit: 1, text: "{tool} is needed for {purpose}: install package {package}" },
  "floating-failed": { status: 500, exit: 1, text: "the floating addresses cannot be held here: {reason}" },
  "lab-broken": { status: 500, exit: 1, text: "lab: {reason}" },
  "call-unknown": {
    status: 404,
    exit: 2,
    text: "the daemon does not know this call: its version differs, or this is not switched on",
  },
  "call-media": { status: 415, exit: 2, text: "this call takes JSON: send `content-type: application/json`" },
  "token-missing": {
    status: 401,
    exit: 2,
    text: "this takes a token: give one with --token or EVERBOOT_TOKEN, or log in to the dashboard",
  },
  "token-wrong": {
    status: 401,
    exit: 2,
    text: "this token is not known here, or has ended: make one with `everboot token add`",
  },
  "token-exists": { status: 409, exit: 1, text: "there is a token {name}: revoke it first, or choose another name" },
  "token-unknown": { status: 404, exit: 2, text: "no token {name}: see `everboot token list`" },
  "role-missing": { status: 403, exit: 1, text: "{who} has role {has}, and this takes {wanted}: use another token" },
  "tries-exceeded": {
    status: 429,
    exit: 1,
    retryAfter: 60,
    text: "too many wrong tokens from {address}: wait a minute",
  },
  "origin-foreign": {
    status: 403,
    exit: 1,
    text: "a page of another site asked for this: open the dashboard of this server",
  },
  "version-differs": {
    status: 412,
    exit: 1,
    text: "it was changed meanwhile, and is now version {tag}: read it again, then change it",
  },
  "key-reused": {
    status: 422,
    exit: 2,
    text: "this Idempotency-Key was sent with another request: take a new key for each",
  },
  "streams-exceeded": {
    status: 503,
    exit: 1,
    retryAfter: 15,
    text: "{limit} live views are open at this server: close some, or ask another server",
  },
  internal: { status: 500, exit: 1, text: "internal error; see the log" },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorDetails = Readonly<Record<string, string | number>>;

/** A misuse or a trouble of the world, with a code of the table. A bug is any other exception. */
export class EverbootError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  /** `text` stands for the table's own when another process has filled it in already. */
  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown, text = errorText(code, details)) {
    super(text, cause === undefined ? undefined : { cause });
    this.name = "EverbootError";
    this.code = code;
    this.details = details;
  }
}

export function errorText(code: ErrorCode, details: ErrorDetails = {}): string {
  return ERRORS[code].text.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? ""));
}

/** The table's row, with its optional columns visible to the type checker. */
export function errorKind(code: ErrorCode): ErrorKind {
  return ERRORS[code];
}

/** Node's errno name (`ENOENT`) of a system error, if it is one. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
