/** A site file with holes: what of it is well, so that the cross checks can run although some of it is not. */
import type { z } from "zod";
import {
  type HostEntry,
  hostSchema,
  type ProfileEntry,
  profileSchema,
  type ServerEntry,
  type SiteEntry,
  type SubnetEntry,
  serverSchema,
  siteSchema,
  subnetSchema,
} from "./schema.ts";

/** Keys whose value is wrong or missing are absent; indexes and names are those of the file. */
export interface SiteDraft extends Partial<Pick<SiteEntry, "unknown" | "balance" | "bond">> {
  readonly subnets: readonly Partial<SubnetEntry>[];
  readonly servers: Readonly<Record<string, Partial<ServerEntry>>>;
  readonly trees: Readonly<Record<string, unknown>>;
  readonly profiles: Readonly<Record<string, Partial<ProfileEntry>>>;
  readonly hosts: Readonly<Record<string, Partial<HostEntry>>>;
}

export function draftSite(raw: unknown): SiteDraft {
  const top = asMap(raw);
  const subnets = Array.isArray(top.subnets) ? top.subnets : [];
  return {
    ...goodFields(
      { unknown: siteSchema.shape.unknown, balance: siteSchema.shape.balance, bond: siteSchema.shape.bond },
      raw,
    ),
    subnets: subnets.map((subnet) => goodFields(subnetSchema.shape, subnet)),
    servers: goodEntries(serverSchema.shape, top.servers),
    trees: asMap(top.trees),
    profiles: goodEntries(profileSchema.shape, top.profiles),
    hosts: goodEntries(hostSchema.shape, top.hosts),
  };
}

type Fields<Shape extends z.ZodRawShape> = Partial<z.output<z.ZodObject<Shape>>>;

function goodEntries<Shape extends z.ZodRawShape>(shape: Shape, raw: unknown): Record<string, Fields<Shape>> {
  return Object.fromEntries(Object.entries(asMap(raw)).map(([name, entry]) => [name, goodFields(shape, entry)]));
}

function goodFields<Shape extends z.ZodRawShape>(shape: Shape, raw: unknown): Fields<Shape> {
  const map = asMap(raw);
  const good: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(shape)) {
    const result = (schema as z.ZodType).safeParse(map[key]);
    if (result.success && result.data !== undefined) good[key] = result.data;
  }
  // Each key holds what its own schema put out.
  return good as Fields<Shape>;
}

function asMap(raw: unknown): Readonly<Record<string, unknown>> {
  const isMap = typeof raw === "object" && raw !== null && !Array.isArray(raw);
  return isMap ? (raw as Readonly<Record<string, unknown>>) : {};
}
