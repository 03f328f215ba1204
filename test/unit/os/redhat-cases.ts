/** Inputs of the Red Hat family for its tests, and a folder that stands for the installer's root folder. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { FamilyInput } from "../../../src/os/family.ts";
import { lastingView, serverUrls } from "../../../src/os/server-urls.ts";
import type { Site } from "../../../src/site/model.ts";
import { siteOf } from "../../support/sites.ts";

/** As `host` gets it that booted from its first NIC, from the first server of the site. */
export function inputOf(site: Site, name: string): FamilyInput {
  const host = site.hosts.get(name);
  if (!host) throw new Error(`the site has no host ${name}`);
  const { profile, nics } = host;
  const { tree } = profile;
  const [first, ...others] = [...site.servers.values()].map((server) =>
    serverUrls(lastingView(server), { tree }, "t0ken"),
  );
  if (!first) throw new Error("the site has no server");
  return { site, host, profile, tree, mac: nics[0], servers: [first, ...others] };
}

interface SmallSite {
  readonly release: string;
  /** Inner text of the profile's and the host's maps. */
  readonly profile?: string;
  readonly host?: string;
  readonly servers?: 1 | 2;
  /** More keys of the tree. */
  readonly tree?: string;
}

/** One host, `vm1`, with two NICs. */
export function smallInput({ release, profile = "", host = "", servers = 1, tree = "" }: SmallSite): FamilyInput {
  const site = siteOf(`site: small
subnets:
  - {cidr: 192.168.77.0/24, router: 192.168.77.1, dns: [192.168.77.1], domain: lab.example}
servers:
  one: {address: 192.168.77.1, floating: 192.168.77.11}
${servers === 2 ? "  two: {address: 192.168.77.2, http_port: 8080}\n" : ""}
trees:
  tree: {family: redhat, release: "${release}", path: /srv/tree${tree}}
profiles:
  p: {tree: tree${profile}}
hosts:
  vm1: {nics: ["52:54:00:00:00:01", "52:54:00:00:00:02"], address: 192.168.77.101, profile: p${host}}
`);
  return inputOf(site, "vm1");
}

/** Body of the script sections with this header, in order. */
export function sections(kickstart: string, header: RegExp): readonly string[] {
  const found: string[] = [];
  let lines: string[] | undefined;
  for (const line of kickstart.split("\n")) {
    if (lines && line === "%end") {
      found.push(`${lines.join("\n")}\n`);
      lines = undefined;
    } else if (lines) lines.push(line);
    else if (header.test(line)) lines = [];
  }
  return found;
}

/** Programs are looked for in it first; the absolute paths of scripts lead into it. */
export class Stage {
  readonly root: string;

  constructor(t: { after(run: () => void): void }) {
    this.root = mkdtempSync(join(tmpdir(), "everboot-redhat-"));
    t.after(() => rmSync(this.root, { recursive: true }));
    for (const folder of ["tmp/everboot", "var/tmp", "bin", "dev"])
      mkdirSync(join(this.root, folder), { recursive: true });
    this.program("logger", ":");
    this.program("udevadm", ":");
  }

  write(path: string, content: string, mode = 0o644): void {
    const place = join(this.root, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content, { mode });
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), "utf8");
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  /** A stand-in for a program: notes how it was called, then runs `body`. */
  program(path: string, body: string): void {
    const place = path.includes("/") ? path : `bin/${path}`;
    this.write(place, `#!/bin/sh\necho "${path.split("/").pop()} $*" >>${this.root}/calls\n${body}\n`, 0o755);
  }

  calls(name: string): string[] {
    const all = this.has("calls") ? this.read("calls").trim().split("\n") : [];
    return all.filter((call) => call.startsWith(`${name} `));
  }

  /** A fixed disk of a gigabyte, unless it is said otherwise, with partitions of these numbers. */
  disk(name: string, options: { removable?: 1; size?: 0; partitions?: readonly number[] } = {}): void {
    const { removable = 0, size = 2_097_152, partitions = [] } = options;
    const folder = `sys/block/${name}`;
    this.write(`${folder}/removable`, `${removable}\n`);
    this.write(`${folder}/size`, `${size}\n`);
    this.write(`${folder}/device/model`, "disk\n");
    const separator = /\d$/.test(name) ? "p" : "";
    for (const number of partitions) {
      this.write(`${folder}/${name}${separator}${number}/partition`, `${number}\n`);
      this.write(`${folder}/${name}${separator}${number}/size`, "2048\n");
    }
    this.write(`dev/${name}`, "");
  }

  link(path: string, target: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    symlinkSync(target, join(this.root, path));
  }

  run(script: string): number | null {
    const moved = script.replaceAll(
      /(?<![\w.}])\/(tmp\/|sys\/|mnt\/|var\/|etc\/|usr\/local|root\b|home\b|dev\/(?!null))/g,
      `${this.root}/$1`,
    );
    this.write("script", moved);
    const env = { ...process.env, PATH: `${this.root}/bin:${process.env.PATH}` };
    return spawnSync("sh", [join(this.root, "script")], { env, encoding: "utf8" }).status;
  }
}
