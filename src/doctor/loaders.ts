/** Are the boot loaders there that machines of the site are given? */
import { loadersOfSite } from "../boot/loader.ts";
import { LOADERS, type MissingLoader, missingLoaders } from "../content/loaders.ts";
import type { Check } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

export const loadersCheck: Check = {
  name: "loaders",
  of: "machine",
  look: async ({ site }) => judgeLoaders(await missingLoaders(loadersOfSite(site))),
};

export function judgeLoaders(missing: readonly MissingLoader[]): readonly Finding[] {
  return missing.map(({ name, package: debianPackage }) => {
    if (debianPackage === undefined) return finding("loader-unknown", { loader: name }, "no package is known");
    const paths = LOADERS[name]?.paths ?? [];
    return finding("loader-missing", { loader: name, package: debianPackage }, `there is no ${paths.join(" or ")}`);
  });
}
