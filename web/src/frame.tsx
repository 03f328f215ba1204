/** Header, connection bar and the list of keys. */
import { useState } from "preact/hooks";
import { clockText, durationText, rateText } from "../../src/cli/status-units.ts";
import { PageLink } from "./badge.tsx";
import { applyTheme, storedTheme, THEMES, type Theme } from "./browser.ts";
import { useDesk, useKnowledge } from "./desk.ts";
import { Dialog } from "./dialog.tsx";
import { useInterval } from "./interval.ts";
import type { Page } from "./router.ts";

export function Header({ page, onHelp, onLogout }: { page: Page; onHelp: () => void; onLogout: () => void }) {
  const { live, session } = useDesk();
  const { fleet, servers } = useKnowledge(live);
  const alive = servers.filter(({ alive: isAlive }) => isAlive);
  const rate = alive.reduce((sum, server) => sum + (server.rate ?? 0), 0);
  return (
    <header>
      <div class="brand">
        <strong>Everboot</strong> {fleet && <span class="muted">{fleet.site}</span>}
      </div>
      <nav aria-label="Pages">
        <PageLink to={{ page: "fleet" }} current={page.page === "fleet" || page.page === "host"}>
          Fleet
        </PageLink>
        <PageLink to={{ page: "servers" }} current={page.page === "servers"}>
          Servers{" "}
          {servers.length > 0 && (
            <small class={alive.length < servers.length ? "alarm" : "muted"}>
              {alive.length}/{servers.length}
            </small>
          )}
        </PageLink>
        <PageLink to={{ page: "unknown" }} current={page.page === "unknown"}>
          Unknown
        </PageLink>
      </nav>
      <div class="tools">
        {servers.length > 0 && <span class="muted number">{rateText(rate)}</span>}
        <ThemeSwitch />
        <button type="button" onClick={onHelp} aria-label="Keys">
          ?
        </button>
        <button type="button" onClick={onLogout} title={`${session.name}, ${session.role}`}>
          Log out
        </button>
      </div>
    </header>
  );
}

function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  return (
    <select
      aria-label="Theme"
      value={theme}
      onChange={({ currentTarget }) => {
        const chosen = THEMES.find((each) => each === currentTarget.value) ?? "auto";
        applyTheme(chosen);
        setTheme(chosen);
      }}
    >
      {THEMES.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </select>
  );
}

/** Says that what is shown is old, and of when. */
export function ConnectionBar() {
  const { live } = useDesk();
  const { connection } = useKnowledge(live);
  if (connection.kind !== "lost") return null;
  return <LostBar since={connection.since} />;
}

function LostBar({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now());
  useInterval(1000, () => setNow(Date.now()));
  return (
    <div class="lost" role="alert">
      <strong>Connection lost.</strong> What you see is of {clockText(since)}.{" "}
      <span aria-hidden="true">{durationText(now - since)} ago; trying again.</span>
    </div>
  );
}

const KEYS = [
  ["/", "filter the fleet"],
  ["Arrows, Page up and down, Home, End", "from machine to machine in the grid"],
  ["Enter", "open the machine"],
  ["Esc", "empty the filter; from another page back to the fleet"],
  ["?", "this list"],
] as const;

export function KeysDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
