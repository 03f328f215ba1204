/**
 * Where packages come from. With several servers, each repository is a list of mirrors, in which dnf goes on by itself
 * when one dies; the list is written by `%pre` on the machine, so that no server is needed for it. Anaconda reads no
 * .treeinfo then (rhel-9, payload/dnf/payload.py), so the folders of the media are named here: BaseOS and AppStream,
 * on Fedora the tree itself. With one server, .treeinfo says. Anaconda of RHEL 7 cannot have a list for its base
 * repository (rhel7-branch, yumpayload.py: the release is read from the URL): it gets the first server, whose floating
 * address outlives it. So it is by NFS on all releases: Anaconda mounts one server.
 */
import type { FamilyInput, OverlayFile, ServerUrls } from "./family.ts";
import { directive, WORK } from "./redhat-directives.ts";
import { generationOf, isFedora } from "./redhat-release.ts";
import { installTree } from "./server-urls.ts";

type Input = Pick<FamilyInput, "servers" | "tree" | "profile">;

interface Repository {
  readonly name: string;
  /** In the tree; empty = the tree itself. */
  readonly folder: string;
}

const FEDORA: readonly Repository[] = [{ name: "fedora", folder: "" }];
const ENTERPRISE: readonly Repository[] = ["BaseOS", "AppStream"].map((name) => ({ name, folder: `${name}/` }));

/** Those that are read as lists of mirrors; the first is the base repository. */
function mirrored({ servers, tree, profile }: Input): readonly Repository[] {
  if (profile.via === "nfs" || servers.length === 1 || generationOf(tree.release) < 8) return [];
  return isFedora(tree.release) ? FEDORA : ENTERPRISE;
}

export function sourceDirectives(input: Input): readonly string[] {
  const [first] = input.servers;
  if (input.profile.via === "nfs") return [nfsDirective(first)];
  const [base, ...others] = mirrored(input).map(({ name }) => ({ name, mirrorlist: `file://${listPath(name)}` }));
  if (!base) return [directive("url", [], { url: installTree(first, input.profile.via) })];
  return [
    directive("url", [], { mirrorlist: base.mirrorlist }),
    ...others.map((repository) => directive("repo", [], { ...repository })),
  ];
}

/** Files of the installer: a base URL a line, the host's own server first. */
export function mirrorLists(input: Input): readonly OverlayFile[] {
  return mirrored(input).map(({ name, folder }) => ({
    path: listPath(name),
    mode: 0o644,
    content: input.servers.map((server) => `${installTree(server, input.profile.via)}/${folder}\n`).join(""),
  }));
}

/** Version 3, as the initrd mounts it (anaconda-netroot.sh); Anaconda adds `nolock`. */
function nfsDirective(server: ServerUrls): string {
  const { host, pathname } = new URL(server.nfsTree);
  return directive("nfs", [], { server: host, dir: pathname, opts: "nfsvers=3" });
}

/** For the initrd: `nfs:192.168.77.1:/trees/rocky-9`. */
export function nfsStage2(server: ServerUrls): string {
  const { host, pathname } = new URL(server.nfsTree);
  return `nfs:${host}:${pathname}`;
}

function listPath(name: string): string {
  return `${WORK}/${name}.mirrors`;
}
