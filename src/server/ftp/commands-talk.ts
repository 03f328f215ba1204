/** Commands about the connection itself: who, where, how. None of them asks for a file. */
import { type DataEndpoint, parseEprt, parsePort } from "./endpoint.ts";
import { FACTS } from "./listing.ts";
import { errorReply, type Reply, reply } from "./reply.ts";
import { type Asked, codeOf, type Handler, pathOf, type Standing, type Verdict } from "./standing.ts";

const FEATURES = ["EPRT", "EPSV", "MDTM", "PASV", "REST STREAM", "SIZE", "TVFS", "UTF8"];
const WRITING = ["APPE", "DELE", "MKD", "RMD", "RNFR", "RNTO", "STOR", "STOU", "XMKD", "XRMD"];

const ONLY_EXTENDED = reply(503, "EPSV alone, as was said by EPSV ALL.");
/** RFC 2428 section 2. */
const OTHER_FAMILY = reply(522, "Network protocol not supported, use (1)");
const READ_ONLY = reply(550, "This server only sends.");

/** By verb. */
export const TALK_COMMANDS: Readonly<Record<string, Handler>> = {
  USER: user,
  PASS: pass,
  QUIT: () => ({ kind: "quit" }),
  NOOP: () => reply(200, "Well."),
  SYST: () => reply(215, "UNIX Type: L8"),
  FEAT: ({ standing }) => reply(211, "Features:", [...FEATURES, `MLST ${factsOffered(standing)}`].sort()),
  OPTS: opts,
  AUTH: () => reply(502, "There is no TLS here."),
  TYPE: ({ argument }) => oneOf(argument, /^(?:A(?: N)?|I|L 8)$/i, "Nothing is ever converted."),
  MODE: ({ argument }) => oneOf(argument, /^S$/i, "Stream mode."),
  STRU: ({ argument }) => oneOf(argument, /^F$/i, "File structure."),
  ALLO: () => reply(202, "No room is needed: this server only sends."),
  PWD: pwd,
  XPWD: pwd,
  CWD: cwd,
  XCWD: cwd,
  CDUP: (asked) => cwd({ ...asked, argument: ".." }),
  XCUP: (asked) => cwd({ ...asked, argument: ".." }),
  PASV: ({ standing }) => (standing.extendedOnly ? ONLY_EXTENDED : { kind: "passive", as: "PASV" }),
  EPSV: epsv,
  PORT: ({ argument, standing }) => (standing.extendedOnly ? ONLY_EXTENDED : active(parsePort(argument))),
  EPRT: ({ argument, standing }) => (standing.extendedOnly ? ONLY_EXTENDED : active(parseEprt(argument))),
  REST: rest,
  ABOR: () => ({ kind: "abort" }),
  ...Object.fromEntries(WRITING.map((verb): [string, Handler] => [verb, () => READ_ONLY])),
};

function user({ argument, standing }: Asked): Verdict {
  const isKnown = ["anonymous", "ftp"].includes(argument.trim().toLowerCase());
  standing.login = isKnown ? "named" : "none";
  return isKnown ? reply(331, "Any password will do.") : reply(530, "Only anonymous may log in.");
}

/** Any password, or none. */
function pass({ standing }: Asked): Verdict {
  if (standing.login === "none") return reply(503, "USER first.");
  standing.login = "done";
  return reply(230, "Logged in.");
}

function opts({ argument, standing }: Asked): Verdict {
  const [option = "", values = ""] = argument.trim().split(/\s+/);
  if (/^utf-?8$/i.test(option)) return reply(200, "Always UTF-8.");
  if (!/^mlst$/i.test(option)) return reply(501, "Option not known.");
  const wanted = values.toLowerCase().split(";");
  standing.facts = FACTS.filter((fact) => wanted.includes(fact));
  return reply(200, `MLST OPTS ${standing.facts.map((fact) => `${fact};`).join("")}`);
}

/** A star marks what is told (RFC 3659 section 7.8). */
function factsOffered({ facts }: Standing): string {
  return FACTS.map((fact) => `${fact}${facts.includes(fact) ? "*" : ""};`).join("");
}

function oneOf(argument: string, known: RegExp, text: string): Reply {
  return known.test(argument.trim()) ? reply(200, text) : reply(504, "Not for this parameter.");
}

/** A quote is written twice (RFC 959 appendix II). */
function pwd({ standing }: Asked): Verdict {
  return reply(257, `"${standing.folder.replaceAll('"', '""')}" is the folder.`);
}

async function cwd(asked: Asked): Promise<Verdict> {
  const path = pathOf(asked);
  if (typeof path !== "string") return path;
  const found = await asked.sources.folders(path, asked.from);
  if (found.kind !== "folder") return errorReply(codeOf(found, "folder-absent"));
  asked.standing.folder = path;
  return reply(250, "Folder changed.");
}

function epsv({ argument, standing }: Asked): Verdict {
  const wish = argument.trim().toUpperCase();
  if (wish === "ALL") {
    standing.extendedOnly = true;
    return reply(200, "EPSV alone from now on.");
  }
  return wish === "" || wish === "1" ? { kind: "passive", as: "EPSV" } : OTHER_FAMILY;
}

function active(to: DataEndpoint | "family" | undefined): Verdict {
  if (to === "family") return OTHER_FAMILY;
  return to ? { kind: "active", to } : reply(501, "No address and port.");
}

function rest({ argument, standing }: Asked): Verdict {
  if (!/^\d{1,15}$/.test(argument.trim())) return reply(501, "No number of bytes.");
  standing.restart = Number(argument);
  return reply(350, `The next RETR begins at ${standing.restart}.`);
}
