/** What `check` says of the world outside the site file, as warnings at the place in the file that it concerns. */
import { loadersOfSite } from "../boot/loader.ts";
import { missingLoaders } from "../content/loaders.ts";
import { FAMILIES } from "../registry.ts";
import type { Site } from "../site/model.ts";
import type { WorldCheck } from "./check.ts";

/** Loaders come from the distribution's packages of each server. */
export const checkLoaders: WorldCheck = async (site) => {
  const missing = await missingLoaders(loadersOfSite(site));
  return missing.map(({ name, package: debianPackage }) => ({
    path: ["servers"],
    at: "key" as const,
    what: `boot loader ${name} is missing on this machine`,
    todo: debianPackage === undefined ? "choose another `loader`" : `install package ${debianPackage}`,
  }));
};

/** What a family cannot do of what the site file asks is told, never dropped in silence. */
export const checkFamilies: WorldCheck = async (site) => {
  const unknown = [...site.trees.values()]
    .filter(({ family }) => !FAMILIES.has(family))
    .map(({ name, family }) => ({
      path: ["trees", name, "family"],
      what: `tree ${name}: this version cannot install family ${family} yet`,
      todo: `its hosts boot from their disks; it installs ${[...FAMILIES.keys()].join(", ")}`,
    }));
  const hosts = [...site.hosts.values()].flatMap((host) =>
    (FAMILIES.get(host.profile.tree.family)?.problems(host) ?? []).map((problem) => ({
      path: ["hosts", host.name],
      what: `host ${host.name}: ${problem}`,
      todo: "its installation would differ from what the file asks",
    })),
  );
  return [...unknown, ...hosts];
};

/** What the site file may say already and this version does not do. */
const NOT_YET: ReadonlyArray<{
  readonly path: readonly string[];
  readonly asks: (site: Site) => boolean;
  readonly what: string;
  readonly todo: string;
}> = [
  {
    path: ["servers"],
    asks: (site) => site.servers.size > 1,
    what: "several servers: this version shares no state between them",
    todo: "run `everboot up` on one of them",
  },
  {
    path: ["unknown"],
    asks: (site) => site.unknown.kind === "profile",
    what: "unknown machines get an address, but are not installed by this version",
    todo: "list them under hosts",
  },
  {
    path: ["names"],
    asks: (site) => Object.keys(site.names).length > 0,
    what: "names are not answered by this version",
    todo: "machines are told addresses",
  },
];

export const checkVersion: WorldCheck = async (site) =>
  NOT_YET.filter(({ asks }) => asks(site)).map(({ path, what, todo }) => ({
    path,
    at: "key" as const,
    what,
    todo,
  }));
