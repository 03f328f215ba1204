/** Small repositories of rpm packages, and their clients in roots of their own. */
import { execFile } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type SigningKey, tempFolder } from "./mirror-lab.ts";

const run = promisify(execFile);

/** A tree with `repodata/` in some of its folders. */
export class RpmTree {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(): Promise<RpmTree> {
    return new RpmTree(await tempFolder());
  }

  path(path: string): string {
    return join(this.root, path);
  }

  /** Adds a package with the file `/opt/<name>` in it; resolves with its path in the tree. */
  async addPackage(repository: string, name: string, version: string, payload = `${name} ${version}`): Promise<string> {
    const work = await tempFolder();
    const spec = [
      ...[`Name: ${name}`, `Version: ${version}`, "Release: 1", "Summary: t", "License: t", "BuildArch: noarch"],
      ...["%description", "t", "%install", "mkdir -p %{buildroot}/opt"],
      ...[`cp ${work}/payload %{buildroot}/opt/${name}`, "%files", `/opt/${name}`],
    ];
    await writeFile(join(work, "payload"), payload);
    await writeFile(join(work, "lab.spec"), `${spec.join("\n")}\n`);
    const target = this.path(join(repository, "Packages"));
    await mkdir(target, { recursive: true });
    const defines = [`_topdir ${work}/build`, `_rpmdir ${target}`, "_rpmfilename %{NAME}-%{VERSION}.rpm"];
    await run("rpmbuild", ["-bb", ...defines.flatMap((each) => ["--define", each]), join(work, "lab.spec")]);
    await rm(work, { recursive: true });
    return join(repository, "Packages", `${name}-${version}.rpm`);
  }

  /** Writes and signs the index files of what is in `repository` now. `revision`: seconds since 1970. */
  async publish(repository: string, key: SigningKey, revision: number, ...options: string[]): Promise<void> {
    const folder = this.path(repository);
    await run("createrepo_c", ["--quiet", "--no-database", "--revision", String(revision), ...options, folder]);
    await key.signBeside(join(folder, "repodata/repomd.xml"));
  }

  /** The path of the index file of this type in the tree. */
  async index(repository: string, type: string): Promise<string> {
    const names = await readdir(this.path(join(repository, "repodata")));
    return join(repository, "repodata", names.find((name) => name.includes(`-${type}.xml`)) ?? "");
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true });
  }
}

/** Lets dnf install packages of the repository at `url` into `root`, which knows nothing else, and trusts `key` alone. */
export async function dnfInstall(root: string, url: string, key: string, ...packages: string[]): Promise<void> {
  const config = join(root, "dnf.conf");
  const repository = ["[lab]", "name=lab", `baseurl=${url}`, "gpgcheck=0", "repo_gpgcheck=1", `gpgkey=file://${key}`];
  await writeFile(config, `[main]\nreposdir=/nonexistent\npluginpath=/nonexistent\n${repository.join("\n")}\n`);
  const names = ["cachedir", "persistdir", "logdir"];
  for (const name of names) await mkdir(join(root, name));
  const folders = names.map((name) => `--setopt=${name}=${join(root, name)}`);
  const words = ["-y", "-c", config, "--installroot", root, "--releasever", "9", "--forcearch", "x86_64", ...folders];
  await run("dnf", [...words, "install", ...packages], { env: { ...process.env, http_proxy: "", LC_ALL: "C" } });
}

/** The same by zypper, which takes the key that the repository offers. */
export async function zypperInstall(root: string, url: string, ...packages: string[]): Promise<void> {
  const zypper = (...words: string[]) =>
    run("zypper", ["--root", root, "--non-interactive", "--gpg-auto-import-keys", ...words], {
      env: { ...process.env, http_proxy: "", LC_ALL: "C" },
    });
  await zypper("addrepo", "--gpgcheck-allow-unsigned-package", url, "lab");
  await zypper("refresh");
  await zypper("install", ...packages);
}
