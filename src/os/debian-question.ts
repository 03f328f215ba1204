/**
 * Tells of a question on the installer's screen that nobody answers. cdebconf 0.270 logs no dialog (with DEBCONF_DEBUG
 * it would log the whole of its traffic, passwords with it), and keeps in no file what it shows. So a watcher looks at
 * what the process debconf waits for: commands of the installer's programs (a pipe), or a key (poll, or a read of the
 * terminal). The names of the questions come from the shell library through which nearly all of the installer asks;
 * the few programs in C (netcfg, choose-mirror, anna, run-debootstrap, main-menu) ask by another one, and are told of
 * without a name.
 */

/** Where the names are as long as their dialog stands. */
const ASKED = "/everboot/asked";

/**
 * Added to /usr/share/debconf/confmodule. INPUT answers 0 when a question will be shown, 30 when not (debconf
 * specification, "INPUT"); GO shows them. The scripts that use these run with `set -e`.
 */
export const CONFMODULE_ADDITION = `
everboot_asks=
db_input () {
	_db_cmd "INPUT $@" || return $?
	everboot_asks="$everboot_asks $2"
}
db_go () {
	echo "$everboot_asks" 2>/dev/null >${ASKED} || :
	everboot_asks=
	_db_cmd "GO $@" && everboot_code=0 || everboot_code=$?
	rm -f ${ASKED} || :
	return $everboot_code
}
`;

/** Seconds between two looks; looks after which a dialog counts as waiting; looks between two lines about it. */
const PAUSE = 10;
const PATIENCE = 3;
const REPEAT = 6;

/**
 * Runs as long as the installer. The line goes by UDP, so it is written again every minute. The graphical front end
 * waits for keys all the time: with it there is nothing to see.
 */
export const QUESTION_WATCHER = `#!/bin/sh
# Waiting for a key: of newt and libedit, of a plain read (Linux, names of the functions in /proc/PID/wchan)
shows_dialog() {
	for pid in $(pidof debconf); do
		case $(cat /proc/$pid/wchan 2>/dev/null) in
		*poll_schedule_timeout* | do_select | do_sys_poll | wait_woken | n_tty_read) return 0 ;;
		esac
	done
	return 1
}
[ -e /usr/lib/cdebconf/frontend/gtk.so ] && exit 0
looks=0
while sleep \${1:-${PAUSE}}; do
	if shows_dialog; then
		looks=$((looks + 1))
		[ $looks -ge ${PATIENCE} ] && [ $(((looks - ${PATIENCE}) % ${REPEAT})) = 0 ] &&
			logger -t everboot "question:$(cat ${ASKED} 2>/dev/null)"
	else
		[ $looks -ge ${PATIENCE} ] && logger -t everboot 'the question was answered'
		looks=0
	fi
done
`;
