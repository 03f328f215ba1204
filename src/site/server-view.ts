/** How one client reaches one server. */
import type { Ipv4 } from "../base/address.ts";

/** The addresses of this server as one client sees them. */
export interface ServerView {
  readonly address: Ipv4;
  readonly httpPort: number;
  /** In the site file, where it is known. */
  readonly name?: string;
}

/** `http://192.168.77.1` or `http://192.168.77.1:8080`, without a slash at the end. */
export function baseUrl(server: ServerView): string {
  return server.httpPort === 80 ? `http://${server.address}` : `http://${server.address}:${server.httpPort}`;
}
