/** One machine: where it is and why it stands, its boots, its bond, its log, what it would be told. */
import { percentText } from "../../src/cli/status-progress.ts";
import { agoText, durationText, timeText } from "../../src/cli/status-units.ts";
import type { HostStatus } from "../../src/cluster/status.ts";
import { isOpen, MachineActions } from "./actions.tsx";
import { PageLink, ProgressBar, Prose, progressWords, StateBadge, Trouble } from "./badge.tsx";
import { BondPanel } from "./bond-panel.tsx";
import { BootPanel } from "./boot-panel.tsx";
import { mayAct, useBeat, useDesk, useKnowledge, useNow, useResource } from "./desk.ts";
import { pathOfHost } from "./host-path.ts";
import { LogPanel } from "./log-panel.tsx";
import { AnswerPanel, PlanPanel } from "./plan-panel.tsx";
import { isMoving } from "./state-look.ts";

export function MachinePage({ host }: { host: string }) {
  const { live, session } = useDesk();
  const { fleet } = useKnowledge(live);
  const summary = fleet?.hosts.get(host);
  const beat = useBeat(summary, 1000);
  const status = useResource<HostStatus>(pathOfHost(host), beat);
  if (status.data === undefined) {
    return (
      <>
        <BackLink />
        <h1>{host}</h1>
        {status.trouble === undefined ? (
          <p class="muted">Asking…</p>
        ) : (
          <Trouble text={status.trouble} again={status.again} />
        )}
      </>
    );
  }
  // The stream is ahead of what was asked for.
  const state = summary?.state ?? status.data.state;
  return (
    <>
      <BackLink />
      <div class="title">
        <h1>{host}</h1>
        <StateBadge state={state} />
        <span class="muted">{summary?.profile}</span>
        <MachineActions status={status.data} onDone={status.again} />
      </div>
      <p class="hidden" aria-live="polite">
        {[host, state, summary?.stage && `stage ${summary.stage}`].filter(Boolean).join(", ")}
      </p>
      {status.trouble !== undefined && <Trouble text={status.trouble} again={status.again} />}
      <CauseBox status={status.data} />
      <Standing status={status.data} />
      <BootPanel status={status.data} beat={beat} />
      <BondPanel host={host} beat={beat} />
      <LogPanel host={host} isLive={isMoving(state)} beat={beat} />
      <PlanPanel host={host} />
      {mayAct(session, "admin") && <AnswerPanel host={host} />}
    </>
  );
}

function BackLink() {
  return (
    <PageLink to={{ page: "fleet" }} class="back">
      ← Fleet
    </PageLink>
  );
}

/** Before everything else: why it stands, and what to do. */
function CauseBox({ status: { cause, state, lastNote } }: { status: HostStatus }) {
  const { live } = useDesk();
  if (cause === undefined) {
    return lastNote ? <p class="note">{`${lastNote.text} (${agoText(live.now() - lastNote.at)})`}</p> : null;
  }
  return (
    <section class="cause-box" aria-label={`Why it is ${state}`}>
      <h2>{cause.text}</h2>
      <p>
        <strong>Do:</strong> <Prose text={cause.todo} />
      </p>
      <p class="muted">Told from: {cause.evidence}</p>
    </section>
  );
}

function Standing({ status: { progress, awaiting, deadline, permit } }: { status: HostStatus }) {
  const { live } = useDesk();
  const now = useNow(live);
  return (
    <div class="standing">
      {progress && (
        <div class="big-progress">
          <strong class="number">{percentText(progress)}</strong>
          <ProgressBar progress={progress} label="Packages" />
          <span class="muted">{progressWords(progress)}</span>
        </div>
      )}
      {awaiting && (
        <p>
          Waits for {awaiting.what}, for <span class="number">{durationText(now - awaiting.since)}</span>
          {deadline !== undefined && <Deadline deadline={deadline} now={now} />}
        </p>
      )}
      <p class="muted">
        <PermitText permit={permit} now={now} />
      </p>
    </div>
  );
}

function PermitText({ permit, now }: { permit: HostStatus["permit"]; now: number }) {
  if (permit === undefined) return <>No permit: it boots from its disk</>;
  const until = isOpen(permit) ? `, until ${timeText(permit.expires, now)}` : "";
  return (
    <>
      Permit {permit.id}: {permit.state}
      {until}
    </>
  );
}

function Deadline({ deadline, now }: { deadline: number; now: number }) {
  const left = deadline - now;
  return (
    <span class="muted">
      {left > 0 ? `; taken for stalled in ${durationText(left)}` : `; stalled for ${durationText(-left)}`}
    </span>
  );
}
