/**
 * Takes sources into a tree, as a process that can be killed: `import-worker.ts TREE SOURCE...`. Writes a line of JSON
 * for each step of progress, for what became of each source, and at the end what is served.
 */
import { writeSync } from "node:fs";
import { importTree } from "../../src/content/import.ts";
import { verifyTree } from "../../src/content/manifest.ts";
import { currentVersion, readVersionManifest, versionFolder } from "../../src/content/versions.ts";
import { FAMILIES } from "../../src/registry.ts";
import type { Tree } from "../../src/site/model.ts";

const [path = "", ...sources] = process.argv.slice(2);
const tree: Tree = { name: "rocky-9", family: "redhat", release: "9", arch: "amd64", path };
const say = (value: unknown) => writeSync(1, `${JSON.stringify(value)}\n`);

for (const source of sources) {
  const onProgress = ({ step, done, total }: { step: string; done: number; total?: number }) =>
    say({ step, fraction: done / (total ?? Number.POSITIVE_INFINITY) });
  const result = await importTree(source, tree, FAMILIES, { onProgress }).then(
    ({ version }) => ({ version }),
    (error: Error) => ({ refused: error.message }),
  );
  say(result);
}
const id = await currentVersion(path);
const differences = id && (await verifyTree(versionFolder(path, id), await readVersionManifest(path, id)));
say({ served: id, differences });
