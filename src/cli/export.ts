/** `everboot export`: the site as the files of another DHCP or TFTP server. */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { formatCidr } from "../base/address.ts";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { type LoaderSource, loaderFile } from "../content/loaders.ts";
import type { ExportedFile } from "../export/exports.ts";
import { joinFiles } from "../export/host-formats.ts";
import { lastingView } from "../os/server-urls.ts";
import { EXPORTS } from "../registry.ts";
import type { Server, Site } from "../site/model.ts";
import { suggestion } from "../site/nearest.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { requireSite } from "./site-file.ts";
import { firstServer } from "./site-view.ts";

const FORMATS = Array.from(EXPORTS.values(), ({ name, summary }) => `  ${name.padEnd(13)} ${summary}`);

const USAGE = `everboot export FORMAT [-c FILE] [--server NAME] [--out DIR]
  The site for a DHCP or TFTP server of your own, which then gives the answers that Everboot would give.
${FORMATS.join("\n")}
  -c FILE       the site file
  --server NAME the install server that clients are sent to; left out: the first one
  --out DIR     write the files there; left out: print their texts`;

const OPTIONS = {
  config: { type: "string", short: "c" },
  server: { type: "string" },
  out: { type: "string" },
} as const;

export const exportCommand: Command = {
  name: "export",
  summary: "the site as files of other engines: DHCP servers, keepalived, a TFTP tree",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const [format = ""] = wantPositionals(positionals, 1, 1, USAGE);
    const chosen = EXPORTS.get(format);
    if (!chosen)
      throw new EverbootError("usage", { what: `no format ${format}: ${suggestion(format, [...EXPORTS.keys()])}` });
    const { site } = await requireSite(values.config, io);
    const server = values.server === undefined ? firstServer(site) : lastingView(serverNamed(site, values.server));
    const files = chosen.render(site, server);
    if (values.out === undefined) print(files, io);
    else await writeAll(files, values.out, io);
    if (chosen.givesAddresses) warnOfTwo(site, io);
    return 0;
  },
};

function serverNamed(site: Site, name: string): Server {
  const server = site.servers.get(name);
  if (server) return server;
  const names = [...site.servers.keys()].join(", ");
  throw new EverbootError("server-unknown", { what: `no server ${name}`, names });
}

function print(files: readonly ExportedFile[], io: Io): void {
  io.write(joinFiles(files.filter((file) => file.kind === "text")));
  for (const file of files) if (file.kind === "loader") io.err(`${file.path}: copied with --out DIR`);
}

async function writeAll(files: readonly ExportedFile[], out: string, io: Io): Promise<void> {
  // All loaders are looked for first: half a tree would be worse than none.
  const writers = await Promise.all(
    files.map(async (file) => {
      if (file.kind === "text") return { file, write: (path: string) => writeFile(path, file.text) };
      const from = await loaderPath(file.path, file.source);
      return { file, write: (path: string) => copyFile(from, path) };
    }),
  );
  for (const { file, write } of writers) {
    const name = join(out, file.path);
    const path = resolve(io.cwd, name);
    await mkdir(dirname(path), { recursive: true })
      .then(() => write(path))
      .catch((error: unknown) => {
        throw new EverbootError("export-unwritable", { path: name, reason: errnoOf(error) ?? "unknown reason" }, error);
      });
    io.out(name);
  }
}

async function loaderPath(name: string, source: LoaderSource): Promise<string> {
  const lookup = await loaderFile(name, { [name]: source });
  const [segment] = lookup.kind === "file" ? lookup.file.segments : [];
  if (segment?.kind === "disk") return segment.path;
  throw new EverbootError("tool-missing", { tool: name, purpose: "the TFTP tree", package: source.package });
}

/** Two servers that both give addresses need to know of each other. */
function warnOfTwo(site: Site, io: Io): void {
  for (const { cidr, dhcp } of site.subnets) {
    if (dhcp !== "authoritative") continue;
    io.err(
      `everboot: ${formatCidr(cidr)} has \`dhcp: authoritative\`: set \`dhcp: off\` before another server answers there`,
    );
  }
}
