/** Small parts that several pages show. */
import type { ComponentChildren } from "preact";
import { percentText } from "../../src/cli/status-progress.ts";
import { bytesText } from "../../src/cli/status-units.ts";
import type { HostState, Progress, ProgressBasis } from "../../src/cluster/status.ts";
import { useDesk } from "./desk.ts";
import { type Page, pathOf } from "./router.ts";
import { STATE_LOOKS } from "./state-look.ts";

export function StateBadge({ state }: { state: HostState }) {
  const { letter, group, meaning } = STATE_LOOKS[state];
  return (
    <span class={`badge ${group}`} data-state={state} title={meaning}>
      <b aria-hidden="true">{letter}</b>
      {state}
    </span>
  );
}

/** A link within the dashboard: no page is loaded, but it can be opened in a new tab. */
export function PageLink(props: { to: Page; children: ComponentChildren; class?: string; current?: boolean }) {
  const { go } = useDesk();
  const { to, children, current } = props;
  return (
    <a
      href={pathOf(to)}
      class={props.class}
      aria-current={current ? "page" : undefined}
      onClick={(event) => {
        if (!isPlainClick(event)) return;
        event.preventDefault();
        go(to);
      }}
    >
      {children}
    </a>
  );
}

/** Not one that opens a tab or a window. */
export function isPlainClick(event: MouseEvent): boolean {
  return event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
}

const BASIS: Readonly<Record<ProgressBasis, string>> = {
  counted: "counted by the installer",
  earlier: "estimate, from what earlier installs of this profile fetched",
  tree: "estimate, from the tree's package list",
};

/** `471 of 903 packages, counted by the installer` */
export function progressWords({ done, of, unit, basis }: Progress): string {
  const amount = (count: number) => (unit === "bytes" ? bytesText(count) : String(count));
  const reached = of === undefined ? amount(done) : `${amount(done)} of ${amount(of)}`;
  return `${reached}${unit === "packages" ? " packages" : ""}, ${BASIS[basis]}`;
}

export function ProgressBar({ progress, label }: { progress: Progress; label: string }) {
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuenow={Math.floor(progress.fraction * 100)}
      aria-valuetext={`${percentText(progress)}, ${progressWords(progress)}`}
    >
      <i style={{ width: `${progress.fraction * 100}%` }} />
    </div>
  );
}

/** Text in which commands stand between backquotes. */
export function Prose({ text }: { text: string }) {
  return <>{text.split("`").map((part, place) => (place % 2 === 1 ? <code key={place}>{part}</code> : part))}</>;
}

/** What cannot be shown, and why. */
export function Trouble({ text, again }: { text: string; again?: () => void }) {
  return (
    <p class="trouble-note" role="alert">
      {text}{" "}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </p>
  );
}
