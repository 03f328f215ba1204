/** How a machine becomes a member of the site's etcd, from what is found here and at the others. Pure. */
import type { EtcdMember } from "./membership.ts";

export interface Found {
  /** Where this machine's member answers the others. */
  readonly peerUrl: string;
  /** The members, as the cluster has them; absent = no member with a leader answers. */
  readonly members?: readonly EtcdMember[];
  /** Something answers as this machine's member already. */
  readonly answersHere: boolean;
  readonly hasData: boolean;
  readonly hasMemberFile: boolean;
}

export type Enrolment =
  /** It runs: nothing to do. */
  | { readonly kind: "runs" }
  /** It runs with the daemon from now on: nothing to do. */
  | { readonly kind: "ready" }
  /** All members start together, for the first time. */
  | { readonly kind: "bootstrap" }
  /** The cluster has it among its members: it only has to start. Data that it knows nothing of are in the way. */
  | { readonly kind: "adopt"; readonly hasForeignData: boolean }
  /** To be added to a cluster that runs. Data that are here are of an earlier life. */
  | { readonly kind: "add" }
  /** Its data are lost: a member that has forgotten its votes must not come back under the same id. */
  | { readonly kind: "replace"; readonly id: string }
  /** Something else answers here: it has to be ended first. */
  | { readonly kind: "stranger" };

export function decideEnrolment(found: Found): Enrolment {
  const { peerUrl, members, answersHere, hasMemberFile } = found;
  if (!members) return alone(found);
  const own = members.find(({ peerUrls }) => peerUrls.includes(peerUrl));
  if (answersHere) return { kind: own ? "runs" : "stranger" };
  if (!own) return { kind: "add" };
  if (own.clientUrls.length > 0) return returning(own, found);
  // One that was added by a call has no name yet, and no data: those that are here are from before.
  if (found.hasData && own.name === "") return { kind: "adopt", hasForeignData: true };
  return hasMemberFile ? { kind: "ready" } : { kind: "adopt", hasForeignData: false };
}

function alone({ answersHere, hasMemberFile }: Found): Enrolment {
  if (answersHere) return { kind: "runs" };
  return { kind: hasMemberFile ? "ready" : "bootstrap" };
}

function returning({ id }: EtcdMember, { hasData, hasMemberFile }: Found): Enrolment {
  if (!hasData) return { kind: "replace", id };
  return hasMemberFile ? { kind: "ready" } : { kind: "adopt", hasForeignData: false };
}
