/** What one host of a site would be given, as the control API and the commands show it. */
import type { OrderServers } from "../balance/site-orders.ts";
import { EverbootError } from "../base/errors.ts";
import type { Family } from "../os/family.ts";
import type { Host, Site } from "../site/model.ts";
import { suggestion } from "../site/nearest.ts";
import type { ServerView } from "../site/server-view.ts";
import { HOST_FORMATS, type HostFormat, type ShownFile } from "./host-formats.ts";
import { openHostView } from "./host-view.ts";
import { type StageText, stageTexts } from "./stages.ts";

export interface RenderedHost {
  readonly host: string;
  readonly format: string;
  readonly files: readonly ShownFile[];
}

interface ShowOptions {
  readonly site: Site;
  readonly families: ReadonlyMap<string, Family>;
  readonly order: OrderServers;
  readonly serverFor: (client: string) => ServerView;
}

export function createShowHost({ serverFor, ...options }: ShowOptions) {
  const view = (host: Host) => openHostView({ ...options, host, server: serverFor(host.address) });
  return {
    render: async (host: Host, format: string): Promise<RenderedHost> => {
      const render = hostFormat(format);
      return { host: host.name, format, files: render(await view(host)) };
    },
    stages: async (host: Host): Promise<readonly StageText[]> => stageTexts(await view(host)),
  };
}

/** Throws EverbootError `usage` with the nearest name. */
export function hostFormat(name: string): HostFormat {
  const format = HOST_FORMATS.get(name);
  if (format) return format;
  const known = [...HOST_FORMATS.keys()];
  throw new EverbootError("usage", { what: `no format ${name}: ${suggestion(name, known)}` });
}
