/** What the machine would be told if it asked now, and its answer file. */
import { useState } from "preact/hooks";
import { Trouble } from "./badge.tsx";
import { useResource } from "./desk.ts";
import { Fold } from "./fold.tsx";
import { pathOfHost } from "./host-path.ts";
import { ScrollRegion } from "./scroll-region.tsx";
import type { PlanReport, RenderedHost } from "./shapes.ts";

const MACHINES = [
  { title: "amd64, BIOS", query: "arch=amd64&firmware=bios" },
  { title: "amd64, UEFI", query: "arch=amd64&firmware=uefi" },
  { title: "arm64, UEFI", query: "arch=arm64&firmware=uefi" },
  { title: "i386, BIOS", query: "arch=i386&firmware=bios" },
] as const;

export function PlanPanel({ host }: { host: string }) {
  return <Fold title="Plan">{() => <Plan host={host} />}</Fold>;
}

function Plan({ host }: { host: string }) {
  const [query, setQuery] = useState<string>(MACHINES[0].query);
  const { data: plan, trouble, again } = useResource<PlanReport>(`${pathOfHost(host)}/plan?${query}`);
  return (
    <>
      <p>
        <label>
          If it asks as{" "}
          <select value={query} onChange={({ currentTarget }) => setQuery(currentTarget.value)}>
            {MACHINES.map((machine) => (
              <option key={machine.query} value={machine.query}>
                {machine.title}
              </option>
            ))}
          </select>
        </label>
      </p>
      {trouble !== undefined && <Trouble text={trouble} again={again} />}
      {plan && <PlanTable plan={plan} />}
    </>
  );
}

function PlanTable({ plan }: { plan: PlanReport }) {
  return (
    <>
      <p>
        <strong>{plan.action}</strong>, address <code>{plan.address}</code>
      </p>
      <ul>
        {plan.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
      <ScrollRegion label="Steps of the plan">
        <table>
          <thead>
            <tr>
              <th scope="col">Who asks</th>
              <th scope="col">gets</th>
              <th scope="col">why</th>
            </tr>
          </thead>
          <tbody>
            {plan.steps.map(({ asks, gets, why }) => (
              <tr key={asks}>
                <th scope="row">{asks}</th>
                <td>
                  <code>{gets}</code>
                </td>
                <td>{why}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollRegion>
    </>
  );
}

export function AnswerPanel({ host }: { host: string }) {
  return <Fold title="Answer file">{() => <Answer host={host} />}</Fold>;
}

function Answer({ host }: { host: string }) {
  const { data, trouble, again } = useResource<RenderedHost>(`${pathOfHost(host)}/render?as=answer`);
  if (trouble !== undefined) return <Trouble text={trouble} again={again} />;
  return (
    <>
      {data?.files.map(({ path, text }) => (
        <figure key={path}>
          <figcaption>
            <code>{path}</code>
          </figcaption>
          <ScrollRegion label={`Answer file ${path}`} class="log">
            <pre>{text}</pre>
          </ScrollRegion>
        </figure>
      ))}
    </>
  );
}
