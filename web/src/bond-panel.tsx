/** A machine's bond as a drawing: declared against found. */
import { Trouble } from "./badge.tsx";
import { type BondMember, type BondRows, bondRows } from "./bond-rows.ts";
import { useResource } from "./desk.ts";
import { pathOfHost } from "./host-path.ts";
import type { BondAnswer } from "./shapes.ts";

export function BondPanel({ host, beat }: { host: string; beat: number }) {
  const { data, trouble, again } = useResource<BondAnswer>(`${pathOfHost(host)}/bond`, beat);
  const rows = data && bondRows(data);
  if (trouble !== undefined) return <Trouble text={trouble} again={again} />;
  if (data === undefined || rows === undefined) return null;
  const { found, verdict } = data;
  return (
    <section>
      <div class="title">
        <h2>Bond {rows.name}</h2>
        <span class={verdict === "differs" ? "alarm" : "muted"}>{found?.text ?? "no report of it yet"}</span>
      </div>
      {found?.bond?.kind === "refused" && <Trouble text={`What it reported cannot be read: ${found.bond.why}`} />}
      <BondDrawing rows={rows} />
      <SettingTable rows={rows} />
    </section>
  );
}

/** Members on the left, each with its cable to the bond. */
function BondDrawing({ rows: { name, members } }: { rows: BondRows }) {
  return (
    <div class="bond">
      <ul aria-label={`Members of ${name}`}>
        {members.map((member) => (
          <MemberDrawing key={member.mac ?? member.name} member={member} />
        ))}
      </ul>
      <strong aria-hidden="true">{name}</strong>
    </div>
  );
}

function MemberDrawing({ member }: { member: BondMember }) {
  const { name, mac, presence, isActive, isUp, partner } = member;
  const kind = isUp === false || presence === "missing" ? "down" : presence;
  return (
    <li class={`member ${kind} ${isActive ? "active" : ""}`}>
      <span class="port">
        <strong>{name}</strong> <code>{mac}</code>
      </span>
      <span class="cable">
        {wordsOf(member).join(", ")}
        {partner !== undefined && <small>LACP partner {partner}</small>}
      </span>
    </li>
  );
}

const PRESENCE = { found: "", missing: "MISSING", foreign: "NOT DECLARED", awaited: "declared" } as const;

function wordsOf({ presence, isUp, isActive, isPrimary, speed, failures, inAggregator }: BondMember): string[] {
  const words = [
    PRESENCE[presence],
    isUp === undefined ? "" : isUp ? "up" : "DOWN",
    isActive ? "active" : "",
    isPrimary ? "primary" : "",
    speed === undefined ? "" : speedText(speed),
    failures ? `link lost ${failures} times` : "",
    inAggregator === false ? "NOT IN THE AGGREGATOR" : "",
  ];
  return words.filter((word) => word !== "");
}

function speedText(megabits: number): string {
  return megabits >= 1000 ? `${megabits / 1000} Gb/s` : `${megabits} Mb/s`;
}

function SettingTable({ rows: { settings } }: { rows: BondRows }) {
  return (
    <table class="settings">
      <thead>
        <tr>
          <th scope="col">Setting</th>
          <th scope="col">Declared</th>
          <th scope="col">Found</th>
        </tr>
      </thead>
      <tbody>
        {settings.map(({ key, declared, found, isUnlike }) => (
          <tr key={key} class={isUnlike ? "unlike" : undefined}>
            <th scope="row">{key}</th>
            <td>{declared || <span class="muted">not declared</span>}</td>
            <td>
              {found}
              {isUnlike && <strong> ≠ differs</strong>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
