/**
 * Every machine as a mark on one canvas. What has the focus, and what is under the mouse, is a true link above it: for
 * keyboards, screen readers and opening in a new tab.
 */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { percentText } from "../../src/cli/status-progress.ts";
import { agoText } from "../../src/cli/status-units.ts";
import { isPlainClick } from "./badge.tsx";
import { useDesk } from "./desk.ts";
import { boxOf, type GridLayout, indexAt, layoutGrid, moveByKey } from "./grid-layout.ts";
import { type Palette, paintGrid, readPalette } from "./grid-paint.ts";
import { type Page, pathOf } from "./router.ts";
import type { HostSummary } from "./shapes.ts";
import { type Sight, useSight } from "./viewport.ts";

export function MachineGrid({ hosts }: { hosts: readonly HostSummary[] }) {
  const { go } = useDesk();
  const element = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const probe = useRef<HTMLElement>(null);
  const sight = useSight(element, hosts.length);
  const palette = usePalette(probe);
  const [active, setActive] = useState(0);
  const [pointed, setPointed] = useState<string>();
  const layout = sight && layoutGrid(hosts.length, sight.width, sight.viewHeight);
  useLayoutEffect(() => {
    if (canvas.current && sight && layout && palette) draw(canvas.current, { hosts, sight, layout, palette });
  });
  const hostAt = (event: MouseEvent): HostSummary | undefined => {
    const box = element.current?.getBoundingClientRect();
    if (box === undefined || layout === undefined) return undefined;
    return hosts[indexAt(event.clientX - box.left, event.clientY - box.top, layout, hosts.length) ?? -1];
  };
  const pointedIndex = pointed === undefined ? -1 : hosts.findIndex(({ host }) => host === pointed);
  const focused = Math.min(active, hosts.length - 1);
  return (
    <section
      ref={element}
      class="grid"
      aria-label="Machines: arrow keys go from one to the next"
      style={{ height: `${layout?.height ?? 0}px` }}
      onMouseMove={(event) => setPointed(hostAt(event)?.host)}
      onMouseLeave={() => setPointed(undefined)}
      // A finger points at nothing before it taps: then there is no link above the canvas yet.
      onClick={(event) => {
        const host = hostAt(event);
        if (host !== undefined) go({ page: "host", host: host.host });
      }}
      onKeyDown={(event) => {
        const rows = layout && sight ? Math.max(1, Math.floor(sight.viewHeight / layout.cellHeight) - 1) : 1;
        const next = layout && moveByKey(focused, event.key, hosts.length, layout.columns, rows);
        if (next === undefined) return;
        event.preventDefault();
        setActive(next);
      }}
    >
      <i ref={probe} hidden />
      <canvas ref={canvas} />
      {layout && <FocusedMachine host={hosts[focused]} index={focused} layout={layout} count={hosts.length} />}
      {layout && <PointedMachine host={hosts[pointedIndex]} index={pointedIndex} layout={layout} />}
    </section>
  );
}

interface MachineProps {
  readonly host: HostSummary | undefined;
  readonly index: number;
  readonly layout: GridLayout;
}

/** The one machine of the grid that Tab reaches; arrow keys hand the focus on, so that readers read each out. */
function FocusedMachine({ host, index, layout, count }: MachineProps & { readonly count: number }) {
  const list = useRef<HTMLUListElement>(null);
  const [hasFocus, setFocus] = useState(false);
  const name = host?.host;
  useEffect(() => {
    if (!hasFocus || name === undefined) return;
    const link = list.current?.querySelector("a");
    link?.focus({ preventScroll: true });
    link?.scrollIntoView({ block: "nearest" });
  }, [hasFocus, name]);
  if (host === undefined) return null;
  return (
    <ul ref={list}>
      <li key={host.host} aria-posinset={index + 1} aria-setsize={count}>
        <MachineLink
          host={host}
          index={index}
          layout={layout}
          onFocus={() => setFocus(true)}
          onBlur={({ relatedTarget }) => setFocus(relatedTarget === null && !document.hasFocus())}
        />
        {hasFocus && <MachineTip host={host} index={index} layout={layout} />}
      </li>
    </ul>
  );
}

/** Under the mouse; keyboards and readers have FocusedMachine. */
function PointedMachine({ host, index, layout }: MachineProps) {
  if (host === undefined) return null;
  return (
    <div aria-hidden="true">
      <MachineLink host={host} index={index} layout={layout} tabIndex={-1} />
      <MachineTip host={host} index={index} layout={layout} />
    </div>
  );
}

interface LinkProps extends MachineProps {
  readonly host: HostSummary;
  readonly tabIndex?: number;
  readonly onFocus?: () => void;
  readonly onBlur?: (event: FocusEvent) => void;
}

function MachineLink({ host, index, layout, ...rest }: LinkProps) {
  const { go } = useDesk();
  const page: Page = { page: "host", host: host.host };
  return (
    <a
      {...rest}
      href={pathOf(page)}
      class="machine"
      style={boxStyle(index, layout)}
      onClick={(event) => {
        event.stopPropagation();
        if (!isPlainClick(event)) return;
        event.preventDefault();
        go(page);
      }}
    >
      <span class="hidden">{describeMachine(host)}</span>
    </a>
  );
}

function MachineTip({ host, index, layout }: MachineProps & { readonly host: HostSummary }) {
  const { live } = useDesk();
  const { x, y, height } = boxOf(index, layout);
  const isRight = index % layout.columns > layout.columns / 2;
  const style = {
    top: `${y + height + 6}px`,
    ...(isRight ? { right: `calc(100% - ${x + 30}px)` } : { left: `${x}px` }),
  };
  const { stage, since, progress, awaiting, cause } = host;
  const step = [stage, progress && percentText(progress), since && agoText(live.now() - since)]
    .filter(Boolean)
    .join(", ");
  return (
    <div class="tip" style={style} aria-hidden="true">
      <strong>{host.host}</strong> {host.state}
      {step !== "" && <div>{step}</div>}
      {cause && <div>{cause.text}</div>}
      {!cause && awaiting && <div class="muted">waits for {awaiting}</div>}
    </div>
  );
}

function boxStyle(index: number, layout: GridLayout) {
  const { x, y, width, height } = boxOf(index, layout);
  return { transform: `translate(${x}px, ${y}px)`, width: `${width}px`, height: `${height}px` };
}

/** `node-12, installing, stage packages, ~46 %` */
function describeMachine({ host, state, stage, progress, cause }: HostSummary): string {
  const parts = [host, state, stage && `stage ${stage}`, progress && percentText(progress), cause?.text];
  return parts.filter(Boolean).join(", ");
}

interface Drawing {
  readonly hosts: readonly HostSummary[];
  readonly sight: Sight;
  readonly layout: GridLayout;
  readonly palette: Palette;
}

/** The canvas covers what is in sight, no more: 5,000 machines on a phone would be larger than canvases can be. */
function draw(canvas: HTMLCanvasElement, { hosts, sight, layout, palette }: Drawing): void {
  const top = Math.min(sight.top, layout.height);
  const height = Math.max(1, Math.min(sight.bottom, layout.height) - top);
  const scale = devicePixelRatio;
  const [pixelWidth, pixelHeight] = [Math.round(sight.width * scale), Math.round(height * scale)];
  // Setting a size empties the canvas and is slow, even when it is the same.
  if (canvas.width !== pixelWidth) canvas.width = pixelWidth;
  if (canvas.height !== pixelHeight) canvas.height = pixelHeight;
  canvas.style.width = `${sight.width}px`;
  canvas.style.height = `${height}px`;
  canvas.style.transform = `translateY(${top}px)`;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  paintGrid(context, { hosts, layout, palette, top, width: sight.width, height });
}

/** Read anew when the theme changes, by its switch or by the system. */
function usePalette(probe: RefObject<HTMLElement | null>): Palette | undefined {
  const [palette, setPalette] = useState<Palette>();
  useLayoutEffect(() => {
    const read = () => {
      if (probe.current) setPalette(readPalette(probe.current));
    };
    read();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", read);
    const observer = new MutationObserver(read);
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      dark.removeEventListener("change", read);
      observer.disconnect();
    };
  }, [probe]);
  return palette;
}
