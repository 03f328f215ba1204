/** The site whose names are asked for: the same for every server that is measured. Pure. */
import { loadSite } from "../../src/site/load.ts";
import type { Site } from "../../src/site/model.ts";
import { DOMAIN, HOSTS, INSTALL } from "./questions.ts";

export function benchSite(): Site {
  const loaded = loadSite(siteText(), "bench.yaml");
  if (!("site" in loaded)) throw new Error(JSON.stringify(loaded.problems));
  return loaded.site;
}

function siteText(): string {
  const hosts = Array.from({ length: HOSTS }, (_, place) => {
    const last = place + 1;
    const mac = `52:54:00:00:00:${last.toString(16).padStart(2, "0")}`;
    return `  host${place}: {nics: ["${mac}"], address: 127.1.0.${last}, profile: plain}`;
  });
  return `
site: bench
subnets:
  - {cidr: 127.0.0.0/8, domain: ${DOMAIN}}
names: {install: ${INSTALL}}
servers:
  one: {address: 127.0.0.1, floating: 127.0.0.2}
  two: {address: 127.0.0.3, floating: 127.0.0.4}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts:
${hosts.join("\n")}
`;
}
