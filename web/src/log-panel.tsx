/** The installer's log, as it comes. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Trouble } from "./badge.tsx";
import { useResource } from "./desk.ts";
import { pathOfHost } from "./host-path.ts";
import { useInterval } from "./interval.ts";
import { ScrollRegion } from "./scroll-region.tsx";

const LINES = 400;
/** Milliseconds between two looks while the machine is on its way. */
const LOOK = 2_000;

export function LogPanel({ host, isLive, beat }: { host: string; isLive: boolean; beat: number }) {
  const [looks, setLooks] = useState(0);
  const [isFollowed, setFollowed] = useState(true);
  useInterval(isLive && isFollowed ? LOOK : undefined, () => setLooks((count) => count + 1));
  const { data, trouble, again } = useResource<{ items: string[] }>(
    `${pathOfHost(host)}/log?lines=${LINES}`,
    beat + looks,
  );
  const lines = data?.items ?? [];
  const box = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (isFollowed && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [isFollowed, lines]);
  return (
    <section>
      <div class="title">
        <h2>Log</h2>
        <label>
          <input
            type="checkbox"
            checked={isFollowed}
            onChange={({ currentTarget }) => setFollowed(currentTarget.checked)}
          />{" "}
          follow
        </label>
      </div>
      {trouble !== undefined && <Trouble text={trouble} again={again} />}
      {data && lines.length === 0 && <p class="muted">Its installer has sent no log.</p>}
      {lines.length > 0 && (
        <ScrollRegion label={`Log of ${host}`} class="log" innerRef={box}>
          <pre>{lines.join("\n")}</pre>
        </ScrollRegion>
      )}
    </section>
  );
}
