/** Machines that ask and are no hosts, each a step from becoming one. */
import { useId, useState } from "preact/hooks";
import { agoText } from "../../src/cli/status-units.ts";
import { Trouble } from "./badge.tsx";
import { mayAct, useDesk, useKnowledge, useNow, useResource } from "./desk.ts";
import { Dialog } from "./dialog.tsx";
import { useInterval } from "./interval.ts";
import { ScrollRegion } from "./scroll-region.tsx";
import type { UnknownMachine } from "./shapes.ts";

/** Milliseconds between two looks. */
const LOOK = 5_000;

export function UnknownPage() {
  const [looks, setLooks] = useState(0);
  const [accepted, setAccepted] = useState<UnknownMachine>();
  useInterval(LOOK, () => setLooks((count) => count + 1));
  const { data, trouble, again } = useResource<{ items: UnknownMachine[] }>("/unknown", looks);
  return (
    <>
      <h1>Unknown machines</h1>
      {trouble !== undefined && <Trouble text={trouble} again={again} />}
      {data?.items.length === 0 && <p class="muted">Every machine that asked is a host of the site file.</p>}
      {data && data.items.length > 0 && <UnknownTable machines={data.items} onAccept={setAccepted} />}
      {accepted && (
        <AcceptDialog
          machine={accepted}
          onClose={() => {
            setAccepted(undefined);
            again();
          }}
        />
      )}
    </>
  );
}

interface UnknownTableProps {
  readonly machines: readonly UnknownMachine[];
  readonly onAccept: (machine: UnknownMachine) => void;
}

function UnknownTable({ machines, onAccept }: UnknownTableProps) {
  const { live, session } = useDesk();
  const now = useNow(live);
  return (
    <ScrollRegion label="List of unknown machines">
      <table>
        <thead>
          <tr>
            {["MAC address", "Vendor", "Machine", "UUID", "Address", "Asked", "Last"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {machines.map((machine) => (
            <tr key={machine.mac}>
              <th scope="row">
                <code>{machine.mac}</code>
              </th>
              <td>{machine.vendor}</td>
              <td>{[machine.arch, machine.firmware].filter(Boolean).join(", ")}</td>
              <td>
                <code>{machine.uuid}</code>
              </td>
              <td>
                {machine.address} <span class="muted">{machine.interface}</span>
              </td>
              <td class="number">{machine.times} ×</td>
              <td class="number">{agoText(now - machine.last)}</td>
              <td>
                {mayAct(session, "operator") && (
                  <button type="button" aria-label={`Accept ${machine.mac}`} onClick={() => onAccept(machine)}>
                    Accept
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}

function AcceptDialog({ machine, onClose }: { machine: UnknownMachine; onClose: () => void }) {
  const { api, live, tell } = useDesk();
  const { fleet } = useKnowledge(live);
  const [trouble, setTrouble] = useState<string>();
  const [nameId, profileId] = [useId(), useId()];
  const profiles = [...new Set([...(fleet?.hosts.values() ?? [])].map(({ profile }) => profile))].sort();

  async function accept(form: FormData): Promise<void> {
    const [name, profile] = [String(form.get("name")), String(form.get("profile"))];
    try {
      await api.send("POST", `/unknown/${encodeURIComponent(machine.mac)}/accept`, { name, profile });
      tell(`${machine.mac} is host ${name} now`);
      onClose();
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : "it failed");
    }
  }

  return (
    <Dialog title={`Accept ${machine.mac}`} onClose={onClose}>
      <p>It becomes a host of the site file. It is not installed before you say so.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void accept(new FormData(event.currentTarget));
        }}
      >
        <label for={nameId}>Name</label>
        <input id={nameId} name="name" required autocomplete="off" spellcheck={false} />
        <label for={profileId}>Profile</label>
        <select id={profileId} name="profile" required>
          {profiles.map((profile) => (
            <option key={profile}>{profile}</option>
          ))}
        </select>
        {trouble !== undefined && <Trouble text={trouble} />}
        <div class="buttons">
          <button type="button" onClick={onClose}>
            Back
          </button>
          <button type="submit" class="primary">
            Accept
          </button>
        </div>
      </form>
    </Dialog>
  );
}
