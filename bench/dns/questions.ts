/** What is asked: mostly the install name, as installers do; names and addresses of hosts; what is not there. */
import { encode, type Packet, RECURSION_DESIRED } from "dns-packet";

export const DOMAIN = "lab.example";
export const INSTALL = `install.${DOMAIN}`;
export const HOSTS = 100;

type Question = NonNullable<Packet["questions"]>[number];

/** Queries with id 0. */
export function queries(): readonly Buffer[] {
  const hosts = Array.from({ length: HOSTS }, (_, place): Question => ({ name: `host${place}.${DOMAIN}`, type: "A" }));
  const around: readonly Question[] = [
    { name: INSTALL, type: "A" },
    { name: INSTALL, type: "AAAA" },
    { name: INSTALL, type: "A" },
    { name: "1.0.1.127.in-addr.arpa", type: "PTR" },
    { name: `nobody.${DOMAIN}`, type: "A" },
  ];
  return hosts
    .flatMap((host) => [host, ...around])
    .map((question) => encode({ type: "query", id: 0, flags: RECURSION_DESIRED, questions: [question] }));
}
