/** What an operator can do with a machine. Each asks first. */
import { timeText } from "../../src/cli/status-units.ts";
import type { HostStatus } from "../../src/cluster/status.ts";
import { type Desk, mayAct, type Question, useDesk } from "./desk.ts";
import { pathOfHost } from "./host-path.ts";
import { isTrouble } from "./state-look.ts";

interface Action extends Question {
  readonly method: "POST" | "DELETE";
  readonly body?: unknown;
  /** What is told when it is done. */
  readonly done: (answer: unknown, now: number) => string;
}

export function MachineActions({ status, onDone }: { status: HostStatus; onDone: () => void }) {
  const desk = useDesk();
  if (!mayAct(desk.session, "operator")) return null;
  return (
    <div class="buttons">
      {actionsOf(status).map((action) => (
        <button
          key={action.action}
          type="button"
          class={action.isDangerous ? "danger" : undefined}
          onClick={() => void run(desk, status.host, action).then(onDone)}
        >
          {action.action}
        </button>
      ))}
    </div>
  );
}

async function run(desk: Desk, host: string, action: Action): Promise<void> {
  if (!(await desk.confirm(action))) return;
  try {
    const answer = await desk.api.send(action.method, `${pathOfHost(host)}/permit`, action.body);
    desk.tell(action.done(answer, desk.live.now()));
  } catch (error) {
    desk.tell(error instanceof Error ? error.message : "it failed", true);
  }
}

const OPEN: readonly string[] = ["issued", "started", "writing"];

/** It still lets the machine install, or go on installing. */
export function isOpen(permit: HostStatus["permit"]): boolean {
  return permit !== undefined && OPEN.includes(permit.state);
}

/** A permit that is open can be taken back; a machine in trouble can be tried again, with a new permit. */
function actionsOf({ host, state, permit }: HostStatus): Action[] {
  const erases = "What is on its disks is erased.";
  const issued = (answer: unknown, now: number) => `${host} may install${untilText(answer, now)}`;
  const install: Action = {
    method: "POST",
    body: {},
    title: `Install ${host}?`,
    text: `At its next boot from the network it is installed. ${erases}`,
    action: "Install",
    isDangerous: true,
    done: issued,
  };
  const retry: Action = {
    ...install,
    body: { replace: true },
    title: `Install ${host} again?`,
    text: `It gets a new permit in place of its last one, and is installed at its next boot from the network. ${erases}`,
    action: "Retry",
  };
  const cancel: Action = {
    method: "DELETE",
    title: `Cancel the install of ${host}?`,
    text:
      permit?.state === "writing"
        ? "Its installer writes already and is not stopped; it gets no other try."
        : "Its permit is taken back: it boots from its disk.",
    action: "Cancel install",
    done: () => `The permit of ${host} is taken back`,
  };
  return [...(isTrouble(state) ? [retry] : isOpen(permit) ? [] : [install]), ...(isOpen(permit) ? [cancel] : [])];
}

function untilText(answer: unknown, now: number): string {
  const expires = (answer as { expires?: unknown } | undefined)?.expires;
  return typeof expires === "number" ? ` until ${timeText(expires, now)}` : "";
}
