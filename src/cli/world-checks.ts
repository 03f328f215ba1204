/** What `check` says of the world outside the site file, as warnings at the place in the file that it concerns. */
import { loadersOfSite } from "../boot/loader.ts";
import { missingLoaders } from "../content/loaders.ts";
import { FAMILIES } from "../registry.ts";
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
