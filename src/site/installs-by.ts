/** By which protocols the installers of a site fetch packages. */
import type { Profile, Site } from "./model.ts";

/** Is there a profile with this `via`? */
export function installsBy({ profiles }: Pick<Site, "profiles">, via: Profile["via"]): boolean {
  return [...profiles.values()].some((profile) => profile.via === via);
}
