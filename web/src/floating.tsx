/** Floating addresses on the left, servers on the right, a line from each address to the server that holds it. */
import type { ServerSummary } from "./shapes.ts";

const ROW = 40;
const WIDTH = 440;
const BOX = 160;

export function FloatingDrawing({ servers }: { servers: readonly ServerSummary[] }) {
  const homes = servers.flatMap((server) =>
    server.floating === undefined ? [] : [{ ...server, floating: server.floating }],
  );
  if (homes.length === 0) return null;
  const height = Math.max(homes.length, servers.length) * ROW;
  return (
    <section>
      <h2>Floating addresses</h2>
      <svg class="floating" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={homes.map(describe).join("; ")}>
        {homes.map((home, place) => (
          <Address key={home.name} home={home} y={place * ROW} holderPlace={placeOf(home, servers)} />
        ))}
        {servers.map(({ name, alive }, place) => (
          <g key={name} class={alive ? "holder" : "holder dead"}>
            <rect x={WIDTH - BOX} y={place * ROW + 4} width={BOX - 1} height={ROW - 8} rx="6" />
            <text x={WIDTH - BOX + 12} y={place * ROW + ROW / 2 + 5}>
              {alive ? name : `${name}, silent`}
            </text>
          </g>
        ))}
      </svg>
    </section>
  );
}

type Home = ServerSummary & { readonly floating: string };

function Address({ home, y, holderPlace }: { home: Home; y: number; holderPlace: number }) {
  const middle = y + ROW / 2;
  const kind = holderPlace < 0 ? "held-by-nobody" : home.heldBy === home.name ? "at-home" : "moved";
  return (
    <g class={`address ${kind}`}>
      <rect x="1" y={y + 4} width={BOX - 1} height={ROW - 8} rx="16" />
      <text x="14" y={middle + 5}>
        {home.floating}
      </text>
      {holderPlace < 0 ? (
        <text x={BOX + 12} y={middle + 5} class="alarm">
          held by nobody
        </text>
      ) : (
        <path
          d={`M${BOX} ${middle}C${BOX + 60} ${middle} ${WIDTH - BOX - 60} ${middleOf(holderPlace)} ${WIDTH - BOX} ${middleOf(holderPlace)}`}
        />
      )}
    </g>
  );
}

function middleOf(place: number): number {
  return place * ROW + ROW / 2;
}

function placeOf({ heldBy }: ServerSummary, servers: readonly ServerSummary[]): number {
  return servers.findIndex(({ name }) => name === heldBy);
}

/** `10.0.0.11 of one: held by two` */
function describe({ floating, name, heldBy }: Home): string {
  return `${floating} of ${name}: ${heldBy === undefined ? "held by nobody" : `held by ${heldBy}`}`;
}
