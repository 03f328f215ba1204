/**
 * Where packages come from. With several servers, each repository is a list of mirrors, in which dnf goes on by itself
 * when one dies; the list is written by `%pre` on the machine, so that no server is needed for it. Anaconda reads no
 * .treeinfo then (rhel-9, payload/dnf/payload.py), so the folders of the media are named here: BaseOS and AppStream,
 * on Fedora the tree itself. With one server, .treeinfo says. Anaconda of RHEL 7 cannot have a list for its base
 * repository (rhel7-branch, yumpayload.py: the release is read from the URL): it gets the first server, whose floating
 * address outlives it.
 */
import type { FamilyInput, OverlayFile } from "./family.ts";
import { directive, WORK } from "./redhat-directives.ts";
import { generationOf, isFedora } from "./redhat-release.ts";

type Input = Pick<FamilyInput, "servers" | "tree">;

interface Repository {
  readonly name: string;
  /** In the tree; empty = the tree itself. */
  readonly folder: string;
}

const FEDORA: readonly Repository[] = [{ name: "fedora", folder: "" }];
const ENTERPRISE: readonly Repository[] = ["BaseOS", "AppStream"].map((name) => ({ name, folder: `${name}/` }));

/** Those that are read as lists of mirrors; the first is the base repository. */
function mirrored({ servers, tree }: Input): readonly Repository[] {
  if (servers.length === 1 || generationOf(tree.release) < 8) return [];
  return isFedora(tree.release) ? FEDORA : ENTERPRISE;
}

export function sourceDirectives(input: Input): readonly string[] {
  const [base, ...others] = mirrored(input).map(({ name }) => ({ name, mirrorlist: `file://${listPath(name)}` }));
  if (!base) return [directive("url", [], { url: input.servers[0].tree })];
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
    content: input.servers.map(({ tree }) => `${tree}/${folder}\n`).join(""),
  }));
}

function listPath(name: string): string {
  return `${WORK}/${name}.mirrors`;
}
