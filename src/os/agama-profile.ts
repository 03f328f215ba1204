/**
 * The Agama profile: JSON by rust/share/profile.schema.json, in words that Agama 17 (SLES 16.0, Leap 16.0) and later
 * versions read. What came later, or was renamed, is done by files in the installed system (agama-scripts.ts).
 */
import type { NetworkPlan } from "../bond/model.ts";
import type { Profile } from "../site/model.ts";
import { bondedInstaller, networkSection } from "./agama-network.ts";
import { storageSection } from "./agama-storage.ts";
import type { FamilyInput } from "./family.ts";
import { packagesOf } from "./suse-accounts.ts";

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** The prepare script puts the product in its place that the medium is for. */
export const PRODUCT_WORD = "@product@";

export function renderAgama(input: FamilyInput, plan: NetworkPlan): string {
  const merged = input.profile.answers
    .map((answer) => parseAnswer(answer) ?? {})
    .reduce<JsonObject>(merge, sections(input, plan));
  return `${JSON.stringify(merged, undefined, 2)}\n`;
}

/** Of a profile's `answers`: each is a JSON object; undefined = it is none. */
export function parseAnswer(text: string): JsonObject | undefined {
  try {
    const value: Json = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Objects are merged; all else takes the place of ours. */
function merge(base: JsonObject, added: JsonObject): JsonObject {
  const entries = Object.entries(added).map(([key, value]) => {
    const old = base[key];
    return [key, isObject(old) && isObject(value) ? merge(old, value) : value] as const;
  });
  return { ...base, ...Object.fromEntries(entries) };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sections({ host, profile }: FamilyInput, plan: NetworkPlan): JsonObject {
  const { language, keyboard, timezone, root, disk, installedKernelArguments } = profile;
  return {
    product: { id: PRODUCT_WORD },
    hostname: { static: host.name },
    localization: { language, keyboard, timezone },
    // A hash of `*` matches no password; Agama does not install without a way in, be it this one.
    root: { password: root?.password ?? "*", hashedPassword: true },
    ...(host.bond === undefined || bondedInstaller(host) ? { network: networkSection(plan) } : {}),
    storage: storageSection(disk),
    software: software(profile),
    ...(installedKernelArguments.length > 0
      ? { bootloader: { extraKernelParams: installedKernelArguments.join(" ") } }
      : {}),
    questions: QUESTIONS,
    scripts: SCRIPTS,
  };
}

function software(profile: Profile): JsonObject {
  const chrony = profile.ntp.length > 0 ? ["chrony"] : [];
  const kernel = profile.kernel === undefined ? [] : [profile.kernel];
  const packages = [...new Set([...packagesOf(profile), ...chrony, ...kernel])];
  return {
    ...(packages.length > 0 ? { packages } : {}),
    ...(profile.minimal || !profile.recommends ? { onlyRequired: true } : {}),
  };
}

/** Nothing waits for a human. A package that cannot be fetched is asked for again: its server may be changing. */
const QUESTIONS: JsonObject = {
  policy: "auto",
  answers: [
    { class: "software.package_error.medium_error", action: "Retry" },
    { class: "software.package_error.provide_error", action: "Retry" },
  ],
};

/** They call programs of the overlay. `body` is the older name of `content`, which all versions read. */
const SCRIPTS: JsonObject = {
  postPartitioning: [{ name: "everboot-packages", body: "#!/bin/bash\nexec /everboot/packages\n" }],
  post: [{ name: "everboot-post", chroot: false, body: "#!/bin/bash\nexec /everboot/post\n" }],
};
