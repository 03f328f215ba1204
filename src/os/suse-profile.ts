/**
 * The AutoYaST profile, whole. SLES 10 to 15 read one format, whose sections changed now and then: the schemas are
 * those of yast-autoinstallation and the modules' own (src/autoyast-rnc).
 */
import type { Profile } from "../site/model.ts";
import type { FamilyInput } from "./family.ts";
import { hostNetwork } from "./network.ts";
import { installTree } from "./server-urls.ts";
import { packagesOf } from "./suse-accounts.ts";
import { partitioning } from "./suse-disk.ts";
import { yastKeymap } from "./suse-keymap.ts";
import { networkSection } from "./suse-network.ts";
import { isSince, releaseOf, type SuseRelease } from "./suse-release.ts";
import { MODULE_MARKS, scriptsSection } from "./suse-scripts.ts";
import { bool, integer, list, map, text, texts } from "./suse-values.ts";
import { comment, element, raw, renderDocument, type XmlElement, type XmlNode } from "./xml.ts";

const NAMESPACES = {
  xmlns: "http://www.suse.com/1.0/yast2ns",
  "xmlns:config": "http://www.suse.com/1.0/configns",
};

/** Seconds that a message of YaST stays for a human to read; then its default answer is taken. */
const MESSAGE_SECONDS = 60;
const ERROR_SECONDS = 600;

export function renderProfile(input: FamilyInput): string {
  const { host, profile } = input;
  const own = sections(input);
  const added = profile.answers.map((markup) => ({ name: sectionName(markup), markup }));
  const left = own.filter((node) => node.kind !== "element" || !added.some(({ name }) => name === node.name));
  return renderDocument(
    element(
      "profile",
      [comment(`Everboot: ${host.name}, profile ${profile.name}`), ...left, ...added.map(({ markup }) => raw(markup))],
      NAMESPACES,
    ),
  );
}

/** Of a profile's `answers`: each is a section, which takes the place of ours if that has the same name. */
export function sectionName(markup: string): string | undefined {
  return /^\s*<([A-Za-z_][\w-]*)[\s/>]/.exec(markup)?.[1];
}

function sections(input: FamilyInput): XmlNode[] {
  const { host, profile, tree, mac } = input;
  const release = releaseOf(tree.release);
  const plan = hostNetwork(host, mac);
  return [
    map("general", [map("mode", [bool("confirm", false), bool("final_reboot", false)])]),
    reportSection(release),
    ...languageSections(profile),
    networkSection(plan),
    ...(profile.ntp.length > 0 ? [clockSection(profile.ntp, release)] : []),
    partitioning(profile.disk, tree.release),
    softwareSection(profile, release),
    ...(isSince(release, { major: 15, minor: 0 }) ? moduleSections(input) : []),
    ...bootLoader(profile.installedKernelArguments, release),
    usersSection(profile),
    scriptsSection(input, plan),
  ];
}

/** Without it, each message of YaST waits for ever. */
function reportSection(release: SuseRelease): XmlElement {
  const kind = (name: string, seconds: number) =>
    map(name, [bool("log", true), bool("show", true), integer("timeout", seconds)]);
  return map("report", [
    kind("messages", MESSAGE_SECONDS),
    kind("warnings", MESSAGE_SECONDS),
    kind("errors", ERROR_SECONDS),
    ...(isSince(release, { major: 11, minor: 0 }) ? [kind("yesno_messages", MESSAGE_SECONDS)] : []),
  ]);
}

/** YaST says `de_DE`: it has UTF-8 anyway. */
function languageSections({ language, keyboard, timezone }: Profile): XmlElement[] {
  return [
    map("language", [text("language", language.replace(/\..*$/, ""))]),
    map("keyboard", [text("keymap", yastKeymap(keyboard) ?? keyboard)]),
    map("timezone", [text("hwclock", "UTC"), text("timezone", timezone)]),
  ];
}

/** chrony from SLE 15 on, ntpd before. */
function clockSection(servers: readonly string[], release: SuseRelease): XmlElement {
  if (isSince(release, { major: 15, minor: 0 })) {
    const entries = servers.map((server) =>
      map("ntp_server", [text("address", server), bool("iburst", true), bool("offline", false)]),
    );
    return map("ntp-client", [text("ntp_policy", "auto"), list("ntp_servers", entries), text("ntp_sync", "systemd")]);
  }
  const peers = servers.map((server) =>
    map("peer", [
      text("address", server),
      bool("initial_sync", true),
      text("options", "iburst"),
      text("type", "server"),
    ]),
  );
  return map("ntp-client", [list("peers", peers), bool("start_at_boot", true), bool("start_in_chroot", false)]);
}

function softwareSection(profile: Profile, release: SuseRelease): XmlElement {
  const packages = packagesOf(profile);
  const minimal = isSince(release, { major: 15, minor: 0 }) ? "minimal_base" : "Minimal";
  return map("software", [
    bool("install_recommended", profile.recommends),
    ...(profile.kernel === undefined ? [] : [text("kernel", profile.kernel)]),
    texts("patterns", "pattern", [profile.minimal ? minimal : "base"]),
    ...(packages.length > 0 ? [texts("packages", "package", packages)] : []),
    ...(isSince(release, { major: 15, minor: 0 }) ? marked([texts("products", "product", ["SLES"])]) : []),
  ]);
}

/** Folders of the medium that hold what SLES 15 consists of beside its own product. */
const MODULES = [
  { product: "sle-module-basesystem", folder: "/Module-Basesystem" },
  { product: "sle-module-server-applications", folder: "/Module-Server-Applications" },
] as const;

/** From the first server: AutoYaST takes one address for each. libzypp waits for a server that is away. */
function moduleSections({ profile, servers: [first] }: FamilyInput): XmlNode[] {
  const tree = installTree(first, profile.via);
  const products = MODULES.map(({ product, folder }) =>
    map("listentry", [text("media_url", tree), text("product", product), text("product_dir", folder)]),
  );
  return marked([map("add-on", [list("add_on_products", products)])]);
}

function marked(nodes: readonly XmlNode[]): XmlNode[] {
  const [begin, end] = MODULE_MARKS;
  return [comment(begin), ...nodes, comment(end)];
}

/** GRUB 2. For GRUB of SLES 10 and 11 a script does it. */
function bootLoader(kernelArguments: readonly string[], release: SuseRelease): XmlElement[] {
  if (kernelArguments.length === 0 || !isSince(release, { major: 12, minor: 0 })) return [];
  return [map("bootloader", [map("global", [text("append", kernelArguments.join(" "))])])];
}

/** A hash of `*` matches no password. */
function usersSection({ root, users }: Profile): XmlElement {
  const user = (username: string, password = "*", more: readonly XmlElement[] = []) =>
    map("user", [text("username", username), bool("encrypted", true), text("user_password", password), ...more]);
  return list("users", [
    user("root", root?.password),
    ...users.map(({ name, password, fullName }) => user(name, password, [text("fullname", fullName)])),
  ]);
}
