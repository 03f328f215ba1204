/** Which repositories a mirrored tree has. */
import { EverbootError } from "../base/errors.ts";
import { generationOf, isFedora } from "../os/redhat-release.ts";
import type { Tree } from "../site/model.ts";
import { AptSuite } from "./mirror-apt.ts";
import type { Repository } from "./mirror-repository.ts";
import { RpmRepository } from "./mirror-rpm.ts";

/** The suites of one release that an archive has beside it. */
const SUITE_ENDINGS = ["", "-updates", "-security", "-proposed-updates", "-backports", "-backports-sloppy"];

const APT_KEYRINGS: Readonly<Record<string, string>> = {
  debian: "/usr/share/keyrings/debian-archive-keyring.gpg",
  ubuntu: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
};

/** Throws EverbootError `tree-incomplete` when an apt archive's keyring is not known. */
export function repositoriesOf(tree: Tree): readonly Repository[] {
  return isRpm(tree) ? rpmRepositories(tree) : aptSuites(tree);
}

function isRpm({ family }: Tree): boolean {
  return ["redhat", "suse", "agama"].includes(family);
}

function aptSuites(tree: Tree): readonly Repository[] {
  const keyring = tree.keyring ?? APT_KEYRINGS[tree.family];
  if (keyring === undefined) {
    throw new EverbootError("tree-incomplete", { tree: tree.name, what: "a keyring", todo: "set `keyring`" });
  }
  return SUITE_ENDINGS.map((ending) => {
    const suite = tree.release + ending;
    return new AptSuite({ suite, arch: tree.arch, keyring, isRequired: ending === "" });
  });
}

/** The longest first: a repository may lie inside another one's folder. */
function rpmRepositories({ repositories, keyring, family, release }: Tree): readonly Repository[] {
  const paths = repositories ?? (family === "redhat" ? redhatFolders(release) : [""]);
  return [...paths]
    .sort((a, b) => b.length - a.length)
    .map((path) => new RpmRepository({ path, ...(keyring !== undefined && { keyring }) }));
}

/** As on the media: see os/redhat-source.ts. */
function redhatFolders(release: string): readonly string[] {
  return isFedora(release) || generationOf(release) < 8 ? [""] : ["BaseOS", "AppStream"];
}
