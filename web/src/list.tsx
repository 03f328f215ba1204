/** Every machine as a row of a table; only rows in sight are in the page. */
import { useMemo, useRef, useState } from "preact/hooks";
import { percentText } from "../../src/cli/status-progress.ts";
import { agoText, rateText } from "../../src/cli/status-units.ts";
import { PageLink, ProgressBar, StateBadge } from "./badge.tsx";
import { useDesk, useNow } from "./desk.ts";
import { type Order, type SortKey, sortHosts } from "./filter.ts";
import { rowsInSight } from "./grid-layout.ts";
import type { HostSummary } from "./shapes.ts";
import { useSight } from "./viewport.ts";

interface Column {
  readonly title: string;
  readonly key?: SortKey;
  /** Left out on a phone. */
  readonly isWide?: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: "Machine", key: "host" },
  { title: "State", key: "state" },
  { title: "Stage", key: "stage", isWide: true },
  { title: "Since", key: "since", isWide: true },
  { title: "Progress", key: "progress" },
  { title: "Server", key: "server", isWide: true },
  { title: "Rate", key: "rate", isWide: true },
  { title: "Waits for", isWide: true },
];

/** CSS pixels; style/list.css has the same. */
const ROW_HEIGHT = 32;

export function MachineList({ hosts }: { hosts: readonly HostSummary[] }) {
  const { live } = useDesk();
  const now = useNow(live);
  const [order, setOrder] = useState<Order>({ key: "host", descending: false });
  const sorted = useMemo(() => sortHosts(hosts, order), [hosts, order]);
  const table = useRef<HTMLTableElement>(null);
  const sight = useSight(table, hosts.length);
  const [first, end] = sight ? rowsInSight(sight.top, sight.bottom, ROW_HEIGHT, sorted.length) : [0, 0];
  return (
    <table ref={table} class="machines" aria-rowcount={sorted.length + 1}>
      <thead>
        <tr aria-rowindex={1}>
          {COLUMNS.map((column) => (
            <ColumnHead key={column.title} column={column} order={order} onOrder={setOrder} />
          ))}
        </tr>
      </thead>
      <Spacer rows={first} />
      <tbody>
        {sorted.slice(first, end).map((host, place) => (
          <MachineRow key={host.host} host={host} index={first + place} now={now} />
        ))}
      </tbody>
      <Spacer rows={sorted.length - end} />
    </table>
  );
}

interface HeadProps {
  readonly column: Column;
  readonly order: Order;
  readonly onOrder: (order: Order) => void;
}

function ColumnHead({ column: { title, key, isWide }, order, onOrder }: HeadProps) {
  const isSorted = key === order.key;
  const direction = order.descending ? "descending" : "ascending";
  return (
    <th scope="col" class={isWide ? "wide" : undefined} aria-sort={isSorted ? direction : undefined}>
      {key === undefined ? (
        title
      ) : (
        <button type="button" onClick={() => onOrder({ key, descending: isSorted && !order.descending })}>
          {title}
          <span aria-hidden="true">{isSorted ? (order.descending ? " ↓" : " ↑") : ""}</span>
        </button>
      )}
    </th>
  );
}

/** Stands for rows that are out of sight. */
function Spacer({ rows }: { rows: number }) {
  if (rows <= 0) return null;
  return (
    <tbody class="spacer" aria-hidden="true">
      <tr>
        <td colSpan={COLUMNS.length} style={{ height: `${rows * ROW_HEIGHT}px` }} />
      </tr>
    </tbody>
  );
}

function MachineRow({ host, index, now }: { host: HostSummary; index: number; now: number }) {
  const { stage, since, progress, server, rate, cause, awaiting } = host;
  return (
    <tr aria-rowindex={index + 2}>
      <th scope="row">
        <PageLink to={{ page: "host", host: host.host }}>{host.host}</PageLink>
      </th>
      <td>
        <StateBadge state={host.state} />
      </td>
      <td class="wide">{stage}</td>
      <td class="wide number">{since === undefined ? "" : agoText(now - since)}</td>
      <td class="number">
        {progress && (
          <span class="progress-cell">
            <ProgressBar progress={progress} label={`Progress of ${host.host}`} />
            {percentText(progress)}
          </span>
        )}
      </td>
      <td class="wide">{server}</td>
      <td class="wide number">{rate === undefined ? "" : rateText(rate)}</td>
      <td class={cause ? "wide cause" : "wide"} title={cause?.todo}>
        {cause?.text ?? awaiting}
      </td>
    </tr>
  );
}
