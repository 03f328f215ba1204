/** The fleet: totals, what needs somebody, and every machine as a grid or a list. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { countText } from "../../src/cli/status-units.ts";
import type { HostState } from "../../src/cluster/status.ts";
import { Prose } from "./badge.tsx";
import { useDesk, useKnowledge } from "./desk.ts";
import { type Filter, filterFleet, filterQuery, readFilter } from "./filter.ts";
import { countStates, type Fleet, findTroubles, type StateCounts, type Trouble } from "./fleet.ts";
import { MachineGrid } from "./grid.tsx";
import { MachineList } from "./list.tsx";
import { STATE_LOOKS, STATES_IN_ORDER } from "./state-look.ts";

const VIEWS = ["grid", "list"] as const;
type View = (typeof VIEWS)[number];

export function FleetPage() {
  const { live } = useDesk();
  const { fleet } = useKnowledge(live);
  if (fleet === undefined) return <p class="muted">Waiting for the first news of the fleet…</p>;
  return <FleetContent fleet={fleet} />;
}

function FleetContent({ fleet }: { fleet: Fleet }) {
  const [filter, setFilter] = useFilter();
  const [view, setView] = useView();
  const all = useMemo(() => [...fleet.hosts.values()], [fleet]);
  const hosts = useMemo(() => filterFleet(fleet, filter), [fleet, filter]);
  const isFiltered = filter.text !== "" || filter.states.length > 0;
  return (
    <>
      <h1 class="hidden">Fleet of {fleet.site}</h1>
      <Totals counts={countStates(all)} filter={filter} onFilter={setFilter} />
      <Troubles troubles={findTroubles(all)} onChoose={(text) => setFilter({ text, states: [] })} />
      <div class="toolbar">
        <FilterField text={filter.text} onText={(text) => setFilter({ ...filter, text })} />
        <span class="muted number">
          {isFiltered ? `${hosts.length} of ${countText(all.length, "machine")}` : countText(all.length, "machine")}
        </span>
        <fieldset class="switch">
          <legend class="hidden">View</legend>
          {VIEWS.map((each) => (
            <button key={each} type="button" aria-pressed={view === each} onClick={() => setView(each)}>
              {each}
            </button>
          ))}
        </fieldset>
      </div>
      {hosts.length === 0 && (
        <p class="muted">{all.length === 0 ? "The site file has no hosts." : "No machine matches."}</p>
      )}
      {view === "grid" ? <MachineGrid hosts={hosts} /> : <MachineList hosts={hosts} />}
    </>
  );
}

/** What was chosen last holds when the reader comes back from a machine. */
const chosen: { query: string; view: View } = { query: "", view: "grid" };

/** The address follows the filter, so that it can be kept and sent to somebody. */
function useFilter(): [Filter, (filter: Filter) => void] {
  const [filter, setFilter] = useState(() => readFilter(location.search || chosen.query));
  useEffect(() => {
    chosen.query = filterQuery(filter);
    history.replaceState(null, "", `/${chosen.query}`);
  }, [filter]);
  return [filter, setFilter];
}

function useView(): [View, (view: View) => void] {
  const [view, setView] = useState<View>(chosen.view);
  useEffect(() => {
    chosen.view = view;
  }, [view]);
  return [view, setView];
}

function FilterField({ text, onText }: { text: string; onText: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <input
      id="filter"
      ref={input}
      type="search"
      placeholder="Filter: name, profile, server, cause   ( / )"
      aria-label="Filter machines"
      aria-keyshortcuts="/"
      autocomplete="off"
      spellcheck={false}
      value={text}
      onInput={({ currentTarget }) => onText(currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        if (text === "") input.current?.blur();
        else onText("");
      }}
    />
  );
}

interface TotalsProps {
  readonly counts: StateCounts;
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}

/** How many machines are in each state; each is a switch of the filter. States without machines are left out. */
function Totals({ counts, filter, onFilter }: TotalsProps) {
  const toggle = (state: HostState) => {
    const { states } = filter;
    onFilter({
      ...filter,
      states: states.includes(state) ? states.filter((each) => each !== state) : [...states, state],
    });
  };
  return (
    <fieldset class="totals">
      <legend class="hidden">Machines by state</legend>
      {STATES_IN_ORDER.filter((state) => counts[state] > 0 || filter.states.includes(state)).map((state) => (
        <button
          key={state}
          type="button"
          class={`total ${STATE_LOOKS[state].group}`}
          data-state={state}
          aria-pressed={filter.states.includes(state)}
          title={STATE_LOOKS[state].meaning}
          onClick={() => toggle(state)}
        >
          <span class="mark" aria-hidden="true">
            {STATE_LOOKS[state].letter}
          </span>
          <span class="number">{counts[state]}</span> {state}
        </button>
      ))}
    </fieldset>
  );
}

const MOST_TROUBLES = 4;

/** Why machines stand, and what to do; the reasons that hold up the most machines. */
function Troubles({ troubles, onChoose }: { troubles: readonly Trouble[]; onChoose: (text: string) => void }) {
  if (troubles.length === 0) return null;
  const more = troubles.length - MOST_TROUBLES;
  return (
    <section class="troubles" aria-label="What needs somebody">
      {troubles.slice(0, MOST_TROUBLES).map(({ id, text, todo, hosts }) => (
        <button key={id} type="button" onClick={() => onChoose(hosts.length === 1 ? (hosts[0]?.host ?? id) : id)}>
          <strong class="number">{hosts.length === 1 ? hosts[0]?.host : countText(hosts.length, "machine")}</strong>
          <span>{text}</span>
          {todo !== undefined && (
            <span class="muted">
              <Prose text={todo} />
            </span>
          )}
        </button>
      ))}
      {more > 0 && <p class="muted">and {countText(more, "other cause")}</p>}
    </section>
  );
}
