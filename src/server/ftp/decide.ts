/** What to do about a line of the client: the sources are asked, nothing is sent. */
import { EverbootError } from "../../base/errors.ts";
import type { Requester } from "../../content/served-file.ts";
import { FILE_COMMANDS } from "./commands-files.ts";
import { TALK_COMMANDS } from "./commands-talk.ts";
import type { ControlLine } from "./control-line.ts";
import { errorReply, reply } from "./reply.ts";
import type { Handler, Sources, Standing, Verdict } from "./standing.ts";

const HELP: Handler = () => reply(214, "Commands:", [[...HANDLERS.keys()].sort().join(" ")]);
const HANDLERS: ReadonlyMap<string, Handler> = new Map(Object.entries({ ...TALK_COMMANDS, ...FILE_COMMANDS, HELP }));
const BEFORE_LOGIN = new Set(["USER", "PASS", "QUIT", "FEAT", "SYST", "NOOP", "HELP", "OPTS", "AUTH"]);

/** Never rejects: what a source throws becomes a reply from the error table. */
export async function decide(
  line: ControlLine,
  standing: Standing,
  sources: Sources,
  from: Requester,
): Promise<Verdict> {
  if (line.kind === "malformed") return reply(501, "The line is no text in UTF-8.");
  if (line.kind === "too-long") return { kind: "end", reply: reply(500, "The line is too long.") };
  const handler = HANDLERS.get(line.verb);
  if (!handler) return reply(500, "Command not known.");
  if (standing.login !== "done" && !BEFORE_LOGIN.has(line.verb)) return reply(530, "Log in first: USER anonymous.");
  try {
    return await handler({ argument: line.argument, standing, sources, from });
  } catch (cause) {
    if (cause instanceof EverbootError) return errorReply(cause.code);
    sources.log.error({ cause, verb: line.verb }, "an FTP command failed");
    return errorReply("internal");
  }
}
