/** Where the API has a host. */
export function pathOfHost(host: string): string {
  return `/hosts/${encodeURIComponent(host)}`;
}
