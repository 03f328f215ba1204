/**
 * What lies in `etcd/` of the state folder: `member.json`, which says that this machine runs a member of etcd and how,
 * and that member's data.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { EverbootError, errnoOf } from "../../base/errors.ts";
import { writeDurably } from "../../content/durable.ts";

const MEMBER_FILE = z.strictObject({
  name: z.string(),
  clientUrl: z.string(),
  peerUrl: z.string(),
  /** Peer URLs of all members by name, this one among them, as it first starts. */
  members: z.record(z.string(), z.string()),
  /** `new`: all members start together. `existing`: it comes into a cluster that runs. */
  cluster: z.enum(["new", "existing"]),
});

/** Read by etcd's first start; once there are data, the URLs and the name alone count. */
export type MemberFile = z.infer<typeof MEMBER_FILE>;

export interface EtcdPaths {
  readonly folder: string;
  readonly memberFile: string;
  /** etcd's data folder. */
  readonly data: string;
  /** Data of an earlier life of this member, which its cluster knows no longer. */
  readonly oldData: string;
  /** Process id of etcd, as text. */
  readonly pidFile: string;
}

export function etcdPaths(state: string): EtcdPaths {
  const folder = join(state, "etcd");
  return {
    folder,
    memberFile: join(folder, "member.json"),
    data: join(folder, "data"),
    oldData: join(folder, "data.old"),
    pidFile: join(folder, "etcd.pid"),
  };
}

/**
 * Undefined where no member is to be run.
 * @throws EverbootError `state-broken`
 */
export async function readMemberFile({ memberFile: path }: EtcdPaths): Promise<MemberFile | undefined> {
  try {
    return MEMBER_FILE.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new EverbootError(
      "state-broken",
      { path, reason: errnoOf(error) ?? "not what `cluster init` writes" },
      error,
    );
  }
}

/** Readable by its owner alone. Rejects with EverbootError `state-unwritable`. */
export async function writeMemberFile({ folder, memberFile: path }: EtcdPaths, file: MemberFile): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await rm(`${path}.new`, { force: true });
    await writeDurably(path, `${path}.new`, async (handle) => {
      await handle.chmod(0o600);
      await handle.writeFile(`${JSON.stringify(file, undefined, 2)}\n`);
    });
  } catch (error) {
    throw new EverbootError("state-unwritable", { path, reason: errnoOf(error) ?? String(error) }, error);
  }
}

export function hasData({ data }: EtcdPaths): boolean {
  return existsSync(join(data, "member"));
}

/** Puts the data aside, in place of what was put aside before. */
export async function setDataAside({ data, oldData }: EtcdPaths): Promise<void> {
  if (!existsSync(data)) return;
  await rm(oldData, { recursive: true, force: true });
  await rename(data, oldData);
}
