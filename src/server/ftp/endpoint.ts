/** Where a data connection goes to, as the control connection tells it (RFC 959 section 4.1.2, RFC 2428). Pure. */
import { type Ipv4, parseIpv4 } from "../../base/address.ts";

export interface DataEndpoint {
  /** IPv4, as a dotted quad. */
  readonly address: string;
  readonly port: number;
}

/** `10,0,0,9,200,21` of PORT. */
export function parsePort(argument: string): DataEndpoint | undefined {
  const numbers = argument.trim().split(",");
  if (numbers.length !== 6 || !numbers.every((number) => /^\d{1,3}$/.test(number) && Number(number) < 256))
    return undefined;
  const address = parseIpv4(numbers.slice(0, 4).join("."));
  const [high = 0, low = 0] = numbers.slice(4).map(Number);
  return endpoint(address, high * 256 + low);
}

/** `|1|10.0.0.9|51221|` of EPRT, with any printable delimiter; `family` = another one than IPv4. */
export function parseEprt(argument: string): DataEndpoint | "family" | undefined {
  const [, , family, address = "", port = ""] = /^([!-~])(\d+)\1(.+?)\1(\d{1,5})\1$/.exec(argument.trim()) ?? [];
  if (family === undefined) return undefined;
  return family === "1" ? endpoint(parseIpv4(address), Number(port)) : "family";
}

/** Text of a 227 reply. Clients look for the first digit, or for the bracket. */
export function pasvText({ address, port }: DataEndpoint): string {
  return `Entering passive mode (${address.replaceAll(".", ",")},${port >> 8},${port & 255}).`;
}

/** Text of a 229 reply. */
export function epsvText(port: number): string {
  return `Entering extended passive mode (|||${port}|)`;
}

function endpoint(address: Ipv4 | undefined, port: number): DataEndpoint | undefined {
  return address !== undefined && port > 0 && port < 65_536 ? { address, port } : undefined;
}
