/** Are the trees whole, and the same on all servers? */
import { createHash } from "node:crypto";
import { siteOrders } from "../balance/site-orders.ts";
import { silentLog } from "../base/log.ts";
import { SegmentReader } from "../content/segments.ts";
import type { ServedFile } from "../content/served-file.ts";
import { familyOf } from "../os/family.ts";
import { createInstallFiles, type TreeLack } from "../server/boot/install-files.ts";
import { createTrees, type Trees } from "../server/boot/trees.ts";
import type { Server, Tree } from "../site/model.ts";
import { askHttp, type HttpAnswer, inTime } from "./ask-http.ts";
import { type Check, peersOf, type Scene } from "./check.ts";
import { type Finding, finding, unseen } from "./findings.ts";

export const treesCheck: Check = {
  name: "trees",
  of: "machine",
  look: async (scene, signal) => {
    const { site, clock } = scene;
    const trees = createTrees({ clock, log: silentLog });
    const used = new Set([...site.hosts.values()].map((host) => host.profile.tree));
    try {
      const looks = await Promise.all([...used].map((tree) => lookAt(tree, trees, scene, signal)));
      return looks.flat();
    } finally {
      await trees.close();
    }
  },
};

async function lookAt(tree: Tree, trees: Trees, scene: Scene, signal: AbortSignal): Promise<readonly Finding[]> {
  const { site, families, policies, server } = scene;
  const files = createInstallFiles({ site, families, order: siteOrders(site, policies), tree: trees.lookup });
  const lack = await files.treeLacks(tree);
  if (lack) return [judgeLack(tree, lack)];
  const own = await tellingFiles(tree, trees, scene);
  const peers = server ? peersOf({ ...scene, server }) : [];
  const compared = await Promise.all(peers.flatMap((peer) => own.map((each) => compare(tree, each, peer, signal))));
  return judgeTree(tree, compared);
}

function judgeLack({ name, path }: Tree, { what, todo }: TreeLack): Finding {
  return finding("tree-incomplete", { tree: name, lack: what, todo }, `none of what its family knows is in ${path}`);
}

interface OwnFile {
  readonly path: string;
  readonly file: ServedFile;
}

/** What an installer checks or starts from: where they are the same, the trees are. */
async function tellingFiles(tree: Tree, trees: Trees, { families }: Scene): Promise<readonly OwnFile[]> {
  const starts = familyOf(families, tree)
    .bootFiles(tree)
    .flatMap(({ kernel, initrd }) => [kernel, initrd]);
  const indexes = [`dists/${tree.release}/Release`, ".treeinfo", "media.1/media", "repodata/repomd.xml"];
  const paths = [...new Set([...starts, ...indexes])];
  const found = await Promise.all(paths.map(async (path) => ({ path, lookup: await trees.lookup(tree, path) })));
  return found.flatMap(({ path, lookup }) => (lookup.kind === "file" ? [{ path, file: lookup.file }] : []));
}

/** `unlike` and `same` where both have it; `unknown`: too large to be compared without a manifest. */
export type Likeness = "same" | "unlike" | "absent" | "silent" | "unknown";

export interface ComparedFile {
  readonly server: string;
  readonly path: string;
  readonly likeness: Likeness;
  readonly evidence: string;
}

/** A server that does not answer is told of by another check. */
export function judgeTree({ name: tree }: Pick<Tree, "name">, compared: readonly ComparedFile[]): readonly Finding[] {
  return compared.flatMap(({ server, path, likeness, evidence }) => {
    const details = { tree, server, file: path };
    if (likeness === "absent") return [finding("tree-absent", details, evidence)];
    if (likeness === "unlike") return [finding("tree-differs", details, evidence)];
    if (likeness !== "unknown") return [];
    const todo = "take the tree in with `everboot import`, which writes its manifest";
    return [unseen(`${path} of tree ${tree} is too large to be compared with ${server}'s`, todo, evidence)];
  });
}

/** Files without a manifest have their time in their tag: those of up to so many bytes are compared themselves. */
const MOST_BYTES = 128 << 20;

async function compare(tree: Tree, own: OwnFile, peer: Server, signal: AbortSignal): Promise<ComparedFile> {
  const path = own.path.split("/").map(encodeURIComponent).join("/");
  const url = `http://${peer.address}:${peer.httpPort}/trees/${encodeURIComponent(tree.name)}/${path}`;
  const about = { server: peer.name, path: own.path };
  const answer = await askHttp(url, "HEAD", inTime(signal)).catch(() => undefined);
  if (answer?.status === 404) return { ...about, likeness: "absent", evidence: `${url}: status 404` };
  if (answer?.status !== 200) return { ...about, likeness: "silent", evidence: `${url}: no answer` };
  const { etag, "content-length": length } = answer.headers;
  if (etag === own.file.etag) return { ...about, likeness: "same", evidence: `${url}: ${etag}` };
  const sizes = `${url}: ${length} bytes there, ${own.file.size} here`;
  if (Number(length) !== own.file.size) return { ...about, likeness: "unlike", evidence: sizes };
  if (own.file.size > MOST_BYTES) return { ...about, likeness: "unknown", evidence: `${sizes}, no manifest` };
  const [theirs, ours] = await Promise.all([hashOf(await askHttp(url, "GET", signal)), ownHash(own.file)]);
  const evidence = `${url}: SHA-256 ${theirs.slice(0, 12)} there, ${ours.slice(0, 12)} here`;
  return { ...about, likeness: theirs === ours ? "same" : "unlike", evidence };
}

async function hashOf({ body }: HttpAnswer): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of body) hash.update(chunk);
  return hash.digest("hex");
}

const CHUNK = 1 << 20;

async function ownHash(file: ServedFile): Promise<string> {
  const hash = createHash("sha256");
  const reader = new SegmentReader(file);
  try {
    for (let offset = 0; offset < file.size; offset += CHUNK) hash.update(await reader.read(offset, CHUNK));
  } finally {
    await reader.close();
  }
  return hash.digest("hex");
}
