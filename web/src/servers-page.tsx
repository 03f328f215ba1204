/** The install servers: load, rate, floating addresses and who holds them. */
import { countText, rateText } from "../../src/cli/status-units.ts";
import { type Desk, mayAct, useDesk, useKnowledge } from "./desk.ts";
import { FloatingDrawing } from "./floating.tsx";
import { RatePlot } from "./rate-plot.tsx";
import { plotTop, type TimedSeries } from "./series.ts";
import type { ServerSummary } from "./shapes.ts";

export function ServersPage() {
  const { live } = useDesk();
  const { servers, rates } = useKnowledge(live);
  if (servers.length === 0) return <p class="muted">Waiting for the first news of the servers…</p>;
  const top = plotTop(servers.map(({ name }) => rates.get(name)?.samples ?? []));
  return (
    <>
      <h1>Servers</h1>
      <RatePlot title="All servers" series={rates.get("")} top={plotTop([rates.get("")?.samples ?? []])} isLarge />
      <div class="servers">
        {servers.map((server) => (
          <ServerCard key={server.name} server={server} series={rates.get(server.name)} top={top} />
        ))}
      </div>
      <FloatingDrawing servers={servers} />
    </>
  );
}

interface CardProps {
  readonly server: ServerSummary;
  readonly series: TimedSeries | undefined;
  /** Bytes per second; the same for all servers, so that they can be compared. */
  readonly top: number;
}

function ServerCard({ server, series, top }: CardProps) {
  const { name, alive, draining, installs = 0, queue = 0, rate, self } = server;
  return (
    <section class={alive ? "card" : "card dead"} aria-label={`Server ${name}`}>
      <div class="title">
        <h2>{name}</h2>
        <span class={alive ? "muted" : "alarm"}>{standingText(server)}</span>
        {self && <span class="muted">answers you</span>}
      </div>
      <dl class="facts">
        <div>
          <dt>Installs</dt>
          <dd class="number">{installs}</dd>
        </div>
        <div>
          <dt>Wait</dt>
          <dd class="number">{queue}</dd>
        </div>
        <div>
          <dt>Rate</dt>
          <dd class="number">{alive && rate !== undefined ? rateText(rate) : "–"}</dd>
        </div>
      </dl>
      <RatePlot title={`Rate of ${name}`} series={series} top={top} />
      <DrainButton name={name} isDraining={draining === true} installs={installs} />
    </section>
  );
}

function standingText({ alive, draining }: ServerSummary): string {
  if (!alive) return "does not answer";
  return draining ? "out of service, ends what it has" : "in service";
}

function DrainButton({ name, isDraining, installs }: { name: string; isDraining: boolean; installs: number }) {
  const desk = useDesk();
  if (!mayAct(desk.session, "operator")) return null;
  const action = isDraining ? "Take back into service" : "Drain";
  return (
    <div class="buttons">
      <button
        type="button"
        aria-label={`${action}: ${name}`}
        onClick={() => void drain(desk, name, !isDraining, installs)}
      >
        {action}
      </button>
    </div>
  );
}

async function drain(desk: Desk, server: string, draining: boolean, installs: number): Promise<void> {
  const text = draining
    ? `It gets no new machines, and ends the ${countText(installs, "install")} that it has. Its floating address moves.`
    : "It gets machines and its floating address again.";
  const title = draining ? `Take ${server} out of service?` : `Take ${server} back into service?`;
  if (!(await desk.confirm({ title, text, action: draining ? "Drain" : "Take back" }))) return;
  try {
    await desk.api.send("POST", "/cluster/drain", { server, draining });
    desk.tell(draining ? `${server} is taken out of service` : `${server} is back in service`);
  } catch (error) {
    desk.tell(error instanceof Error ? error.message : "it failed", true);
  }
}
