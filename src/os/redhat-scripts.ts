/**
 * The script sections of the kickstart file. They bring all that they need in themselves: of the installer's initrd,
 * where the answer file lies, nothing is left when Anaconda starts.
 */
import type { ConfigFile } from "../bond/model.ts";
import type { Profile } from "../site/model.ts";
import type { FamilyInput, OverlayFile } from "./family.ts";
import { enableFirstBoot, firstBootFiles } from "./first-boot.ts";
import { absolute, scriptWord, section, WORK, writeFile } from "./redhat-directives.ts";
import { networkFiles, nicNames } from "./redhat-network.ts";
import { generationOf } from "./redhat-release.ts";
import { mirrorLists } from "./redhat-source.ts";
import { diskScript } from "./redhat-storage.ts";

const REPORT = `${WORK}/report`;
/** What went wrong, a line each: of the installer, and of the installed system. */
const FAILED = `${WORK}/failed`;
const TARGET_FAILED = "/var/tmp/everboot-failed";
/** The installed system's root, for the installer of every release. */
const TARGET = "/mnt/sysimage";
/** Without a hold on the caller's pipes. */
const IN_BACKGROUND = "</dev/null >/dev/null 2>&1 &";

/** All of them, in the order in which Anaconda runs them. */
export function scriptSections(input: FamilyInput): readonly string[] {
  return [
    section("%pre --erroronfail", preScript(input)),
    section("%pre-install", preInstallScript(input)),
    section("%post --nochroot", [`${REPORT} post 600 ${IN_BACKGROUND}`]),
    section("%post", postScript(input)),
    section("%post --nochroot", DONE_SCRIPT),
    section("%onerror", ERROR_SCRIPT),
  ];
}

/**
 * `report EVENT SECONDS [TEXT]` tries the servers in turn, for SECONDS (0: for ever), to tell one of them. Exit code 0:
 * told; 1: no answer in time; 8: a server answered that it does not want to hear it.
 */
export function reportScript(reportUrls: readonly string[]): string {
  return `#!/bin/sh
# report EVENT SECONDS [TEXT]; SECONDS 0: for ever
seconds_up() { cut -d. -f1 /proc/uptime; }
start=$(seconds_up)
while :; do
	for server in ${reportUrls.map(scriptWord).join(" ")}; do
		status=$(printf %s "$3" | curl -s -m 10 -o /dev/null -w '%{http_code}' --data-binary @- "$server/$1")
		case $status in
		2*) exit 0 ;;
		4*) logger -t everboot "report $1: refused"; exit 8 ;;
		esac
	done
	[ "$2" -gt 0 ] && [ $(($(seconds_up) - start)) -ge "$2" ] && { logger -t everboot "report $1: no answer"; exit 1; }
	sleep 3
done
`;
}

/**
 * Before Anaconda reads the commands. The server must know that this installation begins to write before it does; if
 * a server says no, the permit is gone: then the disk stays as it is. Commands of the profile, which may write too,
 * come after that.
 */
function preScript(input: FamilyInput): readonly string[] {
  const { profile, servers } = input;
  const report = { path: REPORT, mode: 0o755, content: reportScript(servers.map((server) => server.report)) };
  return [
    ...[report, ...mirrorLists(input)].flatMap((file) => writeFile(file)),
    ...PERMIT,
    ...GIVE_UP,
    ...profile.early.map((command, index) => ownCommand(command, `early command ${index + 1}`, FAILED)),
    ...diskScript(profile.disk),
  ];
}

const PERMIT = `${REPORT} answer 0 ${IN_BACKGROUND}
${REPORT} partition 0 || {
	logger -t everboot 'no permit for this installation: nothing was written, restarting'
	reboot -f
	exec sleep 600
}`.split("\n");

/** Ends the installation; Anaconda shows the message. */
const GIVE_UP = `give_up() {
	echo "$1" | tee -a ${FAILED} >&2
	${REPORT} failed 60 "$(cat ${FAILED})"
	exit 1
}`.split("\n");

/** After partitions are made and mounted, before packages are fetched. */
function preInstallScript(input: FamilyInput): readonly string[] {
  return [`${REPORT} packages 600 ${IN_BACKGROUND}`, ...nameFiles(input).flatMap((file) => writeFile(file, TARGET))];
}

function nameFiles({ host, mac, tree }: FamilyInput): OverlayFile[] {
  return nicNames(host, mac, generationOf(tree.release)).map(overlayFile);
}

/** In the installed system. */
function postScript(input: FamilyInput): readonly string[] {
  const { host, mac, profile, tree } = input;
  const network = networkFiles(host, mac, generationOf(tree.release)).map(overlayFile);
  const files = [...network, ...repositoryFiles(profile), ...firstBootFiles(input)];
  return [
    ...FORGET_INSTALLER_NETWORK,
    ...files.flatMap((file) => writeFile(file)),
    ...enableFirstBoot(),
    ...logins(profile).flatMap(keys),
    restoreLabels([...nameFiles(input), ...files].map(absolute), logins(profile).map(keyFolder)),
    ...profile.late.map((command, index) => ownCommand(command, `late command ${index + 1}`, TARGET_FAILED)),
  ];
}

/** Anaconda has carried the installer's connections over. */
const FORGET_INSTALLER_NETWORK = `rm -f /etc/NetworkManager/system-connections/*
for file in /etc/sysconfig/network-scripts/ifcfg-*; do
	[ "\${file##*/}" = ifcfg-lo ] || rm -f "$file"
done`.split("\n");

/** What is made while the installer runs has none of the labels that SELinux of the installed system asks for. */
function restoreLabels(files: readonly string[], folders: readonly string[]): string {
  return `command -v restorecon >/dev/null && restorecon -RF ${[...files, ...folders].join(" ")}`;
}

function overlayFile({ path, mode, text }: ConfigFile): OverlayFile {
  return { path, mode, content: text };
}

/** A mirror is the base URL of a repository; packages are checked as the installed system checks all. */
function repositoryFiles({ mirrors }: Profile): OverlayFile[] {
  if (mirrors.length === 0) return [];
  const sections = mirrors.map((url, index) => {
    const name = `everboot-${index + 1}`;
    return `[${name}]\nname=${name}\nbaseurl=${url}\nenabled=1\n`;
  });
  return [{ path: "etc/yum.repos.d/everboot.repo", mode: 0o644, content: sections.join("\n") }];
}

interface Login {
  readonly name: string;
  readonly home: string;
  readonly sshKeys: readonly string[];
}

/** Accounts that have keys. */
function logins({ root, users }: Profile): Login[] {
  const all = [
    { name: "root", home: "/root", sshKeys: root?.sshKeys ?? [] },
    ...users.map(({ name, sshKeys }) => ({ name, home: `/home/${name}`, sshKeys })),
  ];
  return all.filter(({ sshKeys }) => sshKeys.length > 0);
}

function keyFolder({ home }: Login): string {
  return `${home}/.ssh`;
}

/** For all releases: RHEL 7 has no `sshkey` command. */
function keys(login: Login): string[] {
  const folder = keyFolder(login);
  return [
    `install -d -m 700 ${folder}`,
    `printf '%s\\n' ${login.sshKeys.map(scriptWord).join(" ")} >${folder}/authorized_keys`,
    `chmod 600 ${folder}/authorized_keys`,
    `chown -R ${login.name}: ${folder}`,
  ];
}

/** The complaint names the command by its place in the site file: its text may hold a secret. */
function ownCommand(command: string, name: string, complaints: string): string {
  return `sh -c ${scriptWord(command)} || echo "${name} failed with exit code $?" >>${complaints}`;
}

/** The last step before the restart. A failed installation is not reported as done. */
const DONE_SCRIPT = `sync
cat ${TARGET}${TARGET_FAILED} >>${FAILED} 2>/dev/null
rm -f ${TARGET}${TARGET_FAILED}
if [ -s ${FAILED} ]; then
	${REPORT} failed 600 "$(cat ${FAILED})"
else
	${REPORT} done 900
fi`.split("\n");

/**
 * On every fatal error of Anaconda, exceptions too (`%traceback` is deprecated from RHEL 9 on). What went wrong with
 * packages is in a log of its own up to RHEL 9; an exception's message is the last line of its traceback.
 */
const ERROR_SCRIPT = `{
	echo 'the installer stopped:'
	grep -hE ' (ERR|CRT|CRITICAL) ' /tmp/anaconda.log /tmp/packaging.log 2>/dev/null | grep -v 'Traceback (most' | tail -n 4
	grep -hE '^[A-Za-z_][A-Za-z_0-9.]*(Error|Exception): ' /tmp/anaconda.log | tail -n 1
	cat ${FAILED} 2>/dev/null
} | tail -c 1000 >${WORK}/stopped
${REPORT} failed 60 "$(cat ${WORK}/stopped)"`.split("\n");
