/** The kickstart file. Commands by release: the handlers of pykickstart 3.74; none that a release calls deprecated. */
import type { Profile } from "../site/model.ts";
import type { FamilyInput } from "./family.ts";
import { kernelArgument } from "./quoting.ts";
import { directive, section } from "./redhat-directives.ts";
import { type Generation, generationOf } from "./redhat-release.ts";
import { scriptSections } from "./redhat-scripts.ts";
import { sourceDirectives } from "./redhat-source.ts";
import { DISK_COMMANDS } from "./redhat-storage.ts";

/** Seconds without data after which a download is given up, and how often it is begun again. */
const DOWNLOADS = { timeout: 60, retries: 20 } as const;

export function renderKickstart(input: FamilyInput): string {
  const { host, profile, tree } = input;
  const generation = generationOf(tree.release);
  const commands: ReadonlyArray<readonly [title: string, lines: readonly string[]]> = [
    ["No questions, no first-use dialogue", ["cmdline", directive("firstboot", [], { disable: true }), "reboot"]],
    ["Language and keyboard", [directive("lang", [profile.language]), keyboard(profile)]],
    ["Clock", clock(profile, generation)],
    ["Package source", sourceDirectives(input)],
    [
      "Name (the network is set up by kernel arguments and in %post)",
      [directive("network", [], { hostname: host.name })],
    ],
    ["Accounts (keys are added in %post)", accounts(profile)],
    ["Disk, as %pre finds it", [directive("%include", [DISK_COMMANDS]), bootLoader(profile)]],
  ];
  const parts = [
    `# Everboot: ${host.name}, profile ${profile.name}`,
    ...commands.map(([title, lines]) => [`# ${title}`, ...lines].join("\n")),
    packages(profile, generation),
    ...scriptSections(input),
    ...(profile.answers.length > 0 ? [["# Lines of the profile", ...profile.answers].join("\n")] : []),
  ];
  return `${parts.join("\n\n")}\n`;
}

function keyboard({ keyboard: layout }: Profile): string {
  return directive("keyboard", [], { xlayouts: layout });
}

/** Time servers have a command of their own from RHEL 9 on. Without any, the distribution's own stay. */
function clock({ timezone, ntp }: Profile, generation: Generation): string[] {
  if (generation >= 9) {
    return [
      directive("timezone", [timezone], { utc: true }),
      ...ntp.map((server) => directive("timesource", [], { "ntp-server": server })),
    ];
  }
  const ntpservers = ntp.length > 0 ? ntp.join(",") : undefined;
  return [directive("timezone", [timezone], { utc: true, ntpservers })];
}

/** An account without a password is locked for passwords, not for keys. */
function accounts({ root, users }: Profile): string[] {
  const login = (password: string | undefined) => (password === undefined ? { lock: true } : { iscrypted: true });
  return [
    directive("rootpw", root?.password === undefined ? [] : [root.password], login(root?.password)),
    ...users.map(({ name, fullName, sudo, password }) =>
      directive("user", [], {
        name,
        gecos: fullName,
        groups: sudo ? "wheel" : undefined,
        ...login(password),
        password,
      }),
    ),
  ];
}

function bootLoader({ installedKernelArguments }: Profile): string {
  const append = installedKernelArguments.map(kernelArgument).join(" ");
  return directive("bootloader", [], { append: append === "" ? undefined : append });
}

/** `@core` is what the installed system cannot do without; Anaconda adds a kernel unless it is told not to. */
function packages(profile: Profile, generation: Generation): string {
  const base = profile.minimal ? [] : [generation === 7 ? "@base" : "@standard"];
  const kernel = profile.kernel === undefined ? [] : ["-kernel", profile.kernel];
  const sudo = profile.users.some((user) => user.sudo) ? ["sudo"] : [];
  const names = new Set(["@core", ...base, ...kernel, ...sudo, ...profile.packages]);
  return section(directive("%packages", [], { ...DOWNLOADS, ...weakDependencies(profile, generation) }), [...names]);
}

/** There are none before RHEL 8; the option is spelled anew from RHEL 9 on. */
function weakDependencies({ recommends }: Profile, generation: Generation) {
  if (recommends || generation === 7) return {};
  return generation === 8 ? { excludeWeakdeps: true } : { "exclude-weakdeps": true };
}
