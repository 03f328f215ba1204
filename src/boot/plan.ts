/** The full answer to "what should this machine do next?": pure data from pure facts. */
import type { Host } from "../site/model.ts";
import type { BootClient } from "./client.ts";

/** What the plan needs to know of a permit. */
export interface PermitFacts {
  readonly id: string;
  readonly token: string;
  readonly expires: number;
}

export interface BootPlan {
  readonly kind: "plan";
  readonly host: Host;
  readonly action: "install" | "local";
  /** There when `action` is `install`. */
  readonly permit?: PermitFacts;
  /** What this stage of the boot is to load next; absent for clients that want no boot file. */
  readonly file?: BootFile;
  /** Why, in sentences for the operator, most telling first. */
  readonly reasons: readonly string[];
}

export interface BootFile {
  /** Path below the server's root, e.g. `undionly.kpxe` or `boot/ipxe/52-54-00-00-00-01`. */
  readonly path: string;
  /** Given to the client as a URL (iPXE, UEFI HTTP boot) or as server and path (PXE). */
  readonly as: "tftp" | "url";
}

export type RefusalReason = "unknown-host" | "no-loader" | "not-served";

export interface Refusal {
  readonly kind: "refusal";
  readonly reason: RefusalReason;
  readonly text: string;
}

export type PlanBoot = (client: BootClient) => BootPlan | Refusal;
