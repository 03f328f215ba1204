/** Which page an address shows. Pure. */

export type Page =
  | { readonly page: "fleet" }
  | { readonly page: "host"; readonly host: string }
  | { readonly page: "servers" }
  | { readonly page: "unknown" };

/** `path` without its query. An address that there is not shows the fleet. */
export function pageOf(path: string): Page {
  const [, first, second] = path.split("/");
  if (first === "hosts" && second) return { page: "host", host: decoded(second) };
  if (first === "servers" || first === "unknown") return { page: first };
  return { page: "fleet" };
}

export function pathOf(page: Page): string {
  switch (page.page) {
    case "fleet":
      return "/";
    case "host":
      return `/hosts/${encodeURIComponent(page.host)}`;
    default:
      return `/${page.page}`;
  }
}

/** Of the browser's window. */
export function titleOf(page: Page): string {
  return `${page.page === "host" ? page.host : page.page} · Everboot`;
}

/** A `%` that is no escape stands for itself. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
