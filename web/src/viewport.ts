/** Which part of a long element is in sight of the window. */
import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

/** CSS pixels; `top` and `bottom` from the element's own top, with a margin that is drawn ahead of scrolling. */
export interface Sight {
  readonly width: number;
  readonly top: number;
  readonly bottom: number;
  readonly viewHeight: number;
}

const MARGIN = 240;

/** Measured anew after scrolling and resizing, once a frame, and whenever `beat` changes. */
export function useSight(element: RefObject<HTMLElement | null>, beat: unknown): Sight | undefined {
  const [sight, setSight] = useState<Sight>();
  useLayoutEffect(() => {
    let frame = 0;
    const read = () => {
      frame = 0;
      if (element.current) setSight((before) => measured(element.current, before));
    };
    const later = () => {
      if (frame === 0) frame = requestAnimationFrame(read);
    };
    read();
    const observer = new ResizeObserver(later);
    if (element.current) observer.observe(element.current);
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [element, beat]);
  return sight;
}

function measured(element: HTMLElement | null, before: Sight | undefined): Sight | undefined {
  if (element === null) return before;
  const { top, width } = element.getBoundingClientRect();
  const seen = {
    width: Math.floor(width),
    top: Math.max(0, Math.floor(-top) - MARGIN),
    bottom: Math.max(0, Math.ceil(innerHeight - top) + MARGIN),
    viewHeight: innerHeight,
  };
  const isSame = before && Object.entries(seen).every(([key, value]) => before[key as keyof Sight] === value);
  return isSame ? before : seen;
}
