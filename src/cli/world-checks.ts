/** What `check` says of the world outside the site file, as warnings at the place in the file that it concerns. */
import { errnoOf } from "../base/errors.ts";
import { loadersOfSite } from "../boot/loader.ts";
import { describeTree, detectTree, differingKey, folderFiles } from "../content/detect-tree.ts";
import { missingLoaders } from "../content/loaders.ts";
import { servedFolder } from "../content/versions.ts";
import { findProgram } from "../net/programs.ts";
import { familyOf } from "../os/family.ts";
import { FAMILIES } from "../registry.ts";
import { NFS_PROGRAMS } from "../server/nfs/service.ts";
import { installsBy } from "../site/installs-by.ts";
import type { Site, Tree } from "../site/model.ts";
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

/** What each server runs to serve by NFS; `searchPath` as PATH has it. */
export function createNfsCheck(searchPath: string): WorldCheck {
  return async (site) => {
    if (!installsBy(site, "nfs")) return [];
    return NFS_PROGRAMS.filter((need) => !hasProgram(need, searchPath)).map((need) => ({
      path: ["servers"],
      at: "key" as const,
      what: `${need.program}, which \`via: nfs\` needs on each server, is missing on this machine`,
      todo: `install package ${need.package}`,
    }));
  };
}

function hasProgram(need: (typeof NFS_PROGRAMS)[number], searchPath: string): boolean {
  try {
    findProgram(need.program, searchPath, need);
    return true;
  } catch {
    return false;
  }
}

/** What a family cannot do of what the site file asks is told, never dropped in silence. */
export const checkFamilies: WorldCheck = async (site) =>
  [...site.hosts.values()].flatMap((host) =>
    familyOf(FAMILIES, host.profile.tree)
      .problems(host)
      .map((problem) => ({
        path: ["hosts", host.name],
        what: `host ${host.name}: ${problem}`,
        todo: "its installation would differ from what the file asks",
      })),
  );

/** A tree should be what its files say. Netboot images alone, and a mirror that was not used yet, say nothing. */
export const checkTreeKinds: WorldCheck = async (site) =>
  (await Promise.all([...site.trees.values()].map(kindFindings))).flat();

async function kindFindings(tree: Tree): ReturnType<WorldCheck> {
  const at = ["trees", tree.name];
  try {
    const files = folderFiles(await servedFolder(tree.path));
    const found = detectTree(files, FAMILIES, tree.family);
    const key = found && differingKey(tree, found, files);
    if (!found || !key) return [];
    const what = `tree ${tree.name}: ${tree.path} holds ${describeTree(found)}`;
    return [{ path: [...at, key], what, todo: `correct \`${key}\`, or take the right medium into another folder` }];
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    const what = `tree ${tree.name}: ${tree.path} cannot be read (${errnoOf(error)})`;
    return [{ path: [...at, "path"], what, todo: "give the daemon leave to read it" }];
  }
}

/** What the site file may say already and this version does not do. */
const NOT_YET: ReadonlyArray<{
  readonly path: readonly string[];
  readonly asks: (site: Site) => boolean;
  readonly what: string;
  readonly todo: string;
}> = [
  {
    path: ["servers"],
    asks: (site) => site.servers.size > 1 && site.etcd === undefined,
    what: "several servers without common state know nothing of each other's permits and leases",
    todo: "name an etcd cluster under `state`, or run `everboot up` on one of them",
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
    what: "the install name is answered by the servers' DNS, and not handed out: machines are told addresses",
    todo: "use it where you write URLs yourself",
  },
];

export const checkVersion: WorldCheck = async (site) =>
  NOT_YET.filter(({ asks }) => asks(site)).map(({ path, what, todo }) => ({
    path,
    at: "key" as const,
    what,
    todo,
  }));
