/** The kinds of scalar in a site file: text that is checked, and parsed where the model wants more than text. */
import { z } from "zod";
import { type Ipv4, parseCidr, parseIpv4, parseMac, parseRange } from "../base/address.ts";
import { quote } from "./problem.ts";

/** What a custom issue carries beside its message: what to do. */
export interface IssueHint {
  readonly todo: string;
}

export const mac = parsed("MAC address", parseMac, "write six pairs of hex digits as in 52:54:00:00:00:01");
export const ipv4 = parsed("IPv4 address", parseIpv4, "write four numbers from 0 to 255 as in 192.168.77.1");
export const cidr = parsed("network", parseCidr, "write its first address and prefix length as in 192.168.77.0/24");
export const range = parsed(
  "address range",
  parseRange,
  "write first and last address, the lower one first, as in 192.168.77.100-192.168.77.150",
);

/** An address with the bits of its network: 10.0.100.7/24. */
export const interfaceAddress = parsed(
  "address with its network",
  parseInterfaceAddress,
  "write address and prefix length as in 10.0.100.7/24",
);
export const vlanId = z.int().min(1).max(4094);

/** Seconds in the model. A number alone counts seconds. */
export const duration = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const seconds = parseDuration(String(value));
    if (seconds !== undefined) return seconds;
    const hint: IssueHint = { todo: "write seconds or a unit s, m, h, d as in 14400, 90m, 4h, 1d" };
    context.addIssue({ code: "custom", message: `${quote(String(value))} is no duration`, params: { ...hint } });
    return z.NEVER;
  })
  .meta({ title: "duration" });

/** RFC 1123 section 2.1. */
export const dnsLabel = shaped(
  "DNS label",
  /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/,
  "use up to 63 letters, digits and inner hyphens",
);
export const dnsName = shaped(
  "DNS name",
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
  "write labels of letters, digits and inner hyphens with dots between, as in lab.example",
);
/** Becomes part of URLs and of folder names. */
export const name = shaped(
  "name",
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
  "use up to 63 letters, digits, dots, hyphens and underscores, the first a letter or digit",
);
/** As useradd(8) of Debian and of Red Hat take it. */
export const userName = shaped(
  "user name",
  /^[a-z_][a-z0-9_-]{0,31}$/,
  "use up to 32 lower-case letters, digits, hyphens and underscores, the first no digit",
);
/** At most 15 bytes: IFNAMSIZ in linux/if.h, with its NUL. No signs that a shell or a kernel command line minds. */
export const interfaceName = shaped(
  "interface name",
  /^[A-Za-z0-9_][\w.-]{0,14}$/,
  "use up to 15 letters, digits, dots, hyphens and underscores, as in eth0",
);
export const word = shaped("word", /^[^\s\p{Cc}]+$/u, "write one word without blanks");
export const line = shaped("line of text", /^[^\p{Cc}]*[^\p{Cc}\s][^\p{Cc}]*$/u, "write one line of text");
const UNITS: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

function parseByteSize(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,9}) ?([KMGT]iB)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  return count === undefined || factor === undefined ? undefined : Number(count) * factor;
}

/** In bytes. */
export const byteSize = parsed("size", parseByteSize, "write a number with KiB, MiB, GiB or TiB as in 40GiB");
/** In bytes a second: what is slower would not come to its end. */
export const byteRate = parsed(
  "rate",
  (text) => atLeast(parseByteSize(text), 64 * 2 ** 10),
  "write a number with KiB, MiB or GiB, 64KiB or more, as in 50MiB",
);

function atLeast(value: number | undefined, least: number): number | undefined {
  return value !== undefined && value >= least ? value : undefined;
}

/** May go over several lines. */
export const script = shaped("shell command", /\S/, "write a command");
export const devicePath = shaped("disk", /^\/dev\/\S+$/, "write a device as in /dev/sda");
export const serialDevice = shaped("serial device", /^\/dev\/\S+$/, "write a device as in /dev/ttyS0");
/** Absolute, below the root, without blanks. */
export const mountPoint = shaped("mount point", /^(\/[A-Za-z0-9._-]+)+$/, "write it as in /srv/data");
export const device = shaped("disk", /^(auto|\/dev\/\S+)$/, "write auto or a device as in /dev/sda");
export const httpUrl = shaped("URL", /^https?:\/\/[^\s/]\S*$/, "write it as in http://192.168.77.1:2379");
export const upstream = shaped(
  "URL of a mirror",
  /^(apt|https?:\/\/[^\s/]\S*)$/,
  "write it as in http://mirror.example/debian, or write apt",
);

/**
 * A crypt(5) hash, or `!` or `*` for none. The message never shows the text: it may be the password itself.
 */
export const passwordHash = z
  .string()
  .refine((text) => /^(\$[^$\s]+\$\S+|[!*]\S*)$/.test(text), {
    error: "this password is not hashed",
    params: { todo: "write what `openssl passwd -6` prints, in quotes" } satisfies IssueHint,
  })
  .meta({ title: "password hash" });

/** Text that `parse` understands; the output is what it makes of it. */
function parsed<T>(title: string, parse: (text: string) => T | undefined, todo: string) {
  return z
    .string()
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined) return value;
      const hint: IssueHint = { todo };
      context.addIssue({ code: "custom", message: `${quote(text)} is no ${title}`, params: { ...hint } });
      return z.NEVER;
    })
    .meta({ title });
}

/** Text of a certain shape; the output is the text. */
function shaped(title: string, pattern: RegExp, todo: string) {
  return z
    .string()
    .refine((text) => pattern.test(text), {
      error: (issue) => `${quote(String(issue.input))} is no ${title}`,
      params: { todo } satisfies IssueHint,
    })
    .meta({ title, pattern: pattern.source });
}

function parseInterfaceAddress(text: string): { readonly address: Ipv4; readonly prefix: number } | undefined {
  const [, addressText = "", prefixText = ""] = /^([^/]+)\/(\d{1,2})$/.exec(text.trim()) ?? [];
  const address = parseIpv4(addressText);
  const prefix = Number(prefixText);
  return address && prefix >= 1 && prefix <= 31 ? { address, prefix } : undefined;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };

/** Seconds; DHCP carries 32 bits of them, and all ones mean for ever (RFC 2131 section 3.3). */
function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,10})([smhd]?)$/.exec(text.trim());
  const seconds = Number(match?.[1]) * (UNIT_SECONDS[match?.[2] || "s"] ?? 1);
  return seconds >= 1 && seconds < 0xffffffff ? seconds : undefined;
}
