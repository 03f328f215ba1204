/** Log-ins of the installed system, as shell commands that run in it: the same for all releases from SLES 10 on. */
import type { Account, Profile, User } from "../site/model.ts";
import { shellQuote } from "./quoting.ts";

/** Makes the users; the installer has made root. */
export function addUsers({ users }: Profile): string[] {
  return users.map(
    ({ name, fullName, password = "*" }) =>
      `useradd -m -s /bin/bash -c ${shellQuote(fullName)} -p ${shellQuote(password)} ${name} || failed 'user ${name} could not be added'`,
  );
}

/** What no installer's answer file has for every release: SSH keys and the right to become root. */
export function accountCommands(profile: Profile): string[] {
  const { root, users } = profile;
  const withKeys = [...(root ? [{ ...root, name: "root" }] : []), ...users].filter(hasKeys);
  return [
    ...withKeys.flatMap(({ name, sshKeys }) => keyCommands(name, sshKeys)),
    ...(withKeys.length > 0 ? SSH_SERVER : []),
    ...users.flatMap(sudoCommands),
  ];
}

export function packagesOf(profile: Profile): string[] {
  const accounts: readonly Account[] = [...(profile.root ? [profile.root] : []), ...profile.users];
  return [
    ...new Set([
      ...profile.packages,
      ...(accounts.some(hasKeys) ? ["openssh"] : []),
      ...(profile.users.some((user) => user.sudo) ? ["sudo"] : []),
    ]),
  ];
}

function hasKeys({ sshKeys }: Account): boolean {
  return sshKeys.length > 0;
}

function keyCommands(name: string, sshKeys: readonly string[]): string[] {
  const folder = name === "root" ? "/root/.ssh" : `/home/${name}/.ssh`;
  return [
    `mkdir -p ${folder} && chmod 700 ${folder}`,
    `printf '%s\\n' ${sshKeys.map(shellQuote).join(" ")} >${folder}/authorized_keys`,
    `chmod 600 ${folder}/authorized_keys`,
    `chown -R ${name}: ${folder} || failed 'the SSH keys of ${name} could not be written'`,
  ];
}

/** Systemd, or SLES 10 and 11; firewalld, or SuSEfirewall2 up to SLES 12. */
const SSH_SERVER = [
  "systemctl enable sshd || chkconfig sshd on || failed 'sshd could not be switched on'",
  "! command -v firewall-offline-cmd >/dev/null || firewall-offline-cmd --add-service=ssh",
  `! [ -e /etc/sysconfig/SuSEfirewall2 ] || sed -i 's/^FW_SERVICES_EXT_TCP="/&ssh /' /etc/sysconfig/SuSEfirewall2`,
];

/** SUSE's sudoers asks for the password of root otherwise. */
function sudoCommands({ name, sudo }: User): string[] {
  if (!sudo) return [];
  return [
    "sudoers=/etc/sudoers; [ ! -d /etc/sudoers.d ] || sudoers=/etc/sudoers.d/everboot",
    `printf '%s\\n' 'Defaults:${name} !targetpw' '${name} ALL=(ALL) ALL' >>$sudoers && chmod 440 $sudoers`,
  ];
}
