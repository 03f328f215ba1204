import { stat } from "node:fs/promises";
import { siteOrders } from "../balance/site-orders.ts";
import { systemClock } from "../base/clock.ts";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { loadersOfSite } from "../boot/loader.ts";
import { missingLoaders } from "../content/loaders.ts";
import { localInterfaces } from "../net/interfaces.ts";
import { FAMILIES, POLICIES } from "../registry.ts";
import { createInstallFiles } from "../server/boot/install-files.ts";
import { createTrees } from "../server/boot/trees.ts";
import { chooseServer, listenAddresses } from "../server/endpoint.ts";
import type { Site } from "../site/model.ts";
import type { Command } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { requireSite } from "./site-file.ts";

const USAGE = `everboot doctor [-c site.yaml] [--server NAME] [--json]
  Looks at this machine as a server of the site: loaders, trees, addresses. Exit 1 if something is not well.
  -c, --config FILE   the site file (default site.yaml, then everboot.yaml, /etc/everboot/site.yaml)`;

interface Finding {
  readonly what: string;
  /** Absent where `what` says it already. */
  readonly todo?: string;
}

export const doctorCommand: Command = {
  name: "doctor",
  summary: "is this machine fit to serve the site?",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, {
      config: { type: "string", short: "c" },
      server: { type: "string" },
      json: { type: "boolean" },
    });
    wantPositionals(positionals, 0, 0, USAGE);
    const { site } = await requireSite(values.config, io);
    const parts = await Promise.all([
      findLoaders(site),
      findTrees(site),
      findAddresses(site, values.server),
      findPrograms(site),
    ]);
    const findings = parts.flat();
    if (values.json) io.out(JSON.stringify({ well: findings.length === 0, findings }));
    else for (const { what, todo } of findings) io.out(todo === undefined ? what : `${what}: ${todo}`);
    if (!values.json && findings.length === 0) io.out("all well: loaders, trees, addresses, programs");
    return findings.length === 0 ? 0 : 1;
  },
};

async function findLoaders(site: Site): Promise<Finding[]> {
  const missing = await missingLoaders(loadersOfSite(site));
  return missing.map(({ name, package: debianPackage }) => ({
    what: `loader ${name} is missing`,
    todo: debianPackage === undefined ? "choose another `loader`" : `install package ${debianPackage}`,
  }));
}

async function findTrees(site: Site): Promise<Finding[]> {
  const trees = createTrees({ clock: systemClock, log: silentLog });
  const files = createInstallFiles({
    site,
    families: FAMILIES,
    order: siteOrders(site, POLICIES),
    tree: trees.lookup,
  });
  const used = new Set([...site.hosts.values()].map((host) => host.profile.tree));
  const lacks = await Promise.all([...used].map(async (tree) => ({ tree, lack: await files.treeLacks(tree) })));
  await trees.close();
  return lacks.flatMap(({ tree, lack }) =>
    lack ? [{ what: `tree ${tree.name} lacks ${lack.what}`, todo: lack.todo }] : [],
  );
}

async function findAddresses(site: Site, name: string | undefined): Promise<Finding[]> {
  try {
    listenAddresses(site, chooseServer(site, name, localInterfaces()), localInterfaces());
    return [];
  } catch (error) {
    if (!(error instanceof EverbootError)) throw error;
    return [{ what: error.message }];
  }
}

/** Mirrors check signatures with gpgv. */
async function findPrograms(site: Site): Promise<Finding[]> {
  if (![...site.trees.values()].some((tree) => tree.upstream !== undefined)) return [];
  try {
    await stat("/usr/bin/gpgv");
    return [];
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return [{ what: "gpgv, which checks the signatures of mirrors, is missing", todo: "install package gpgv" }];
  }
}
