import { siteOrders } from "../balance/site-orders.ts";
import { type ExplainedLine, explainLines } from "../export/explain.ts";
import { HOST_FORMATS, joinFiles } from "../export/host-formats.ts";
import { viewHost } from "../export/host-view.ts";
import { hostFormat, type RenderedHost } from "../export/show-host.ts";
import { familyOf } from "../os/family.ts";
import { FAMILIES, POLICIES } from "../registry.ts";
import { findHost } from "../site/find-host.ts";
import type { Host, Site } from "../site/model.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { requireSite } from "./site-file.ts";
import { firstServer, showHostOf } from "./site-view.ts";
import { ask, hostPath, STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot render HOST [--as FORMAT] [-c FILE] [--explain] [--state DIR] [--json]
  The host's answer file as its installer would get it, or another file that is made for the host.
  --as FORMAT   ${[...HOST_FORMATS.keys()].join(", ")}
  -c FILE       from this site file, without asking the daemon
  --explain     which line comes from which key of the site file
${STATE_USAGE}`;

const OPTIONS = {
  ...STATE_OPTION,
  as: { type: "string", default: "answer" },
  config: { type: "string", short: "c" },
  explain: { type: "boolean" },
} as const;

export const renderCommand: Command = {
  name: "render",
  summary: "a host's answer file, or its network files, boot script ...",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const [host = ""] = wantPositionals(positionals, 1, 1, USAGE);
    hostFormat(values.as);
    if (values.explain) return explain(host, values, io);
    const query = new URLSearchParams({ as: values.as });
    const rendered =
      values.config === undefined
        ? ((await ask(io, values.state, "GET", `${hostPath(host, "/render")}?${query}`)) as RenderedHost)
        : await renderFrom(values.config, host, values.as, io);
    io.out(values.json ? JSON.stringify(rendered) : joinFiles(rendered.files).trimEnd());
    return 0;
  },
};

async function renderFrom(file: string, name: string, format: string, io: Io): Promise<RenderedHost> {
  const { site } = await requireSite(file, io);
  return showHostOf(site).render(findHost(site, name), format);
}

interface ExplainWish {
  readonly as: string;
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
}

async function explain(name: string, wish: ExplainWish, io: Io): Promise<number> {
  const { text, path, site } = await requireSite(wish.config, io);
  // So that a host or family that there is not is told as for any other format.
  await showHostOf(site).render(findHost(site, name), wish.as);
  const lines = explainLines({ text, path, host: name, render: (other, host) => renderText(other, host, wish.as) });
  if (wish.json) io.out(JSON.stringify({ host: name, format: wish.as, lines }));
  else for (const line of explainedText(lines)) io.out(line);
  return 0;
}

/** Without the tree's keyring, which no line of text comes from. */
function renderText(site: Site, host: Host, format: string): string {
  const family = familyOf(FAMILIES, host.profile.tree);
  const order = siteOrders(site, POLICIES);
  return joinFiles(hostFormat(format)(viewHost({ site, host, family, order, server: firstServer(site) })));
}

const WIDEST = 72;

/** The line, then what it comes from; long lines have it on the next one. */
function explainedText(lines: readonly ExplainedLine[]): string[] {
  const width = Math.min(WIDEST, Math.max(...lines.map(({ line }) => line.length)));
  return lines.flatMap(({ line, keys }) => {
    if (keys.length === 0) return [line];
    const from = `<- ${keys.join(", ")}`;
    return line.length > width ? [line, `${" ".repeat(width)}  ${from}`] : [`${line.padEnd(width)}  ${from}`];
  });
}
