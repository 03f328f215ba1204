/** The boots of a machine, each as bars over its stages, coloured by the server that served. */
import { useState } from "preact/hooks";
import { agoText, bytesText, countText, durationText, timeText } from "../../src/cli/status-units.ts";
import type { JournalEvent } from "../../src/cluster/events.ts";
import type { BootTrace, HostStatus } from "../../src/cluster/status.ts";
import { useBeat, useDesk, useNow, useResource } from "./desk.ts";
import { pathOfHost } from "./host-path.ts";
import { buildTimeline, type Span, type TimelineRow } from "./timeline.ts";

/** The newest of them; as many as the API gives at once. */
const MOST_EVENTS = 1000;
/** Milliseconds between two looks at them. */
const EVENTS_LOOK = 5_000;

export function BootPanel({ status, beat }: { status: HostStatus; beat: number }) {
  const { live } = useDesk();
  const now = useNow(live);
  const path = pathOfHost(status.host);
  const eventsBeat = useBeat(status, EVENTS_LOOK);
  const { data: boots } = useResource<{ items: BootTrace[] }>(`${path}/boots`, beat);
  const { data: events } = useResource<{ items: JournalEvent[] }>(`${path}/events?limit=${MOST_EVENTS}`, eventsBeat);
  const [chosen, setChosen] = useState<number>();
  const newest = status.boot;
  if (newest === undefined) return <p class="muted">It has not booted from the network yet.</p>;
  const earlier = (boots?.items ?? []).filter(({ number }) => number !== newest.number);
  const all = [newest, ...earlier].sort((a, b) => b.number - a.number);
  const boot = all.find(({ number }) => number === chosen) ?? newest;
  return (
    <section>
      <div class="title">
        <h2>Boot</h2>
        <select
          aria-label="Boot"
          value={boot.number}
          onChange={({ currentTarget }) => setChosen(Number(currentTarget.value))}
        >
          {all.map(({ number, id, started }) => (
            <option key={number} value={number}>
              {`${number}, ${timeText(started, now)}${id === "" ? "" : `, ${id}`}`}
            </option>
          ))}
        </select>
        <span class="muted">began {agoText(now - boot.started)}</span>
      </div>
      <Stages
        boot={boot}
        {...knownEvents(events?.items ?? [])}
        {...(boot === newest && { state: status.state })}
        now={now}
      />
    </section>
  );
}

function knownEvents(events: readonly JournalEvent[]) {
  const [oldest] = events;
  return { events, ...(oldest && events.length >= MOST_EVENTS && { eventsSince: oldest.at }) };
}

type StagesProps = Parameters<typeof buildTimeline>[0];

function Stages(props: StagesProps) {
  const { rows, servers, length } = buildTimeline(props);
  return (
    <table class="timeline">
      <thead>
        <tr>
          <th scope="col">Stage</th>
          <th scope="col" class="scale">
            <span class="hidden">When</span>
            <span aria-hidden="true">{durationText(length)}</span>
          </th>
          <th scope="col">Took</th>
          <th scope="col">Fetched</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <StageRow key={row.stage} row={row} servers={servers} started={props.boot.started} />
        ))}
      </tbody>
    </table>
  );
}

function StageRow({ row, servers, started }: { row: TimelineRow; servers: readonly string[]; started: number }) {
  const { stage, trace, spans, took, isCurrent } = row;
  if (trace === undefined) {
    return (
      <tr class="ahead">
        <th scope="row">{stage}</th>
        <td class="scale" />
        <td />
        <td />
        <td />
      </tr>
    );
  }
  return (
    <tr class={isCurrent ? "current" : undefined} aria-current={isCurrent ? "step" : undefined}>
      <th scope="row">{stage}</th>
      <td class="scale" title={trace.path}>
        <Bars spans={spans} servers={servers} />
        <span class="hidden">after {durationText(trace.first - started)}</span>
      </td>
      <td class="number">{took === undefined ? "" : durationText(took)}</td>
      <td class="number">{trace.files > 0 ? `${countText(trace.files, "file")}, ${bytesText(trace.bytes)}` : ""}</td>
      <td>
        {row.servers.map((server) => (
          <span key={server} class={`server-key ${serverClass(server, servers)}`}>
            {server}
          </span>
        ))}
      </td>
    </tr>
  );
}

function Bars({ spans, servers }: { spans: readonly Span[]; servers: readonly string[] }) {
  return (
    <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
      {spans.map(({ from, to, server }) => (
        <rect
          key={from}
          x={from * 1000}
          y="0"
          width={(to - from) * 1000}
          height="10"
          class={server === undefined ? "nobody" : serverClass(server, servers)}
        />
      ))}
    </svg>
  );
}

/** style/machine.css has as many colours. */
const SERVER_COLORS = 5;

function serverClass(server: string, servers: readonly string[]): string {
  return `server-${servers.indexOf(server) % SERVER_COLORS}`;
}
