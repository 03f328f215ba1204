/** Something that is done again and again while a part of the page is shown. */
import { useEffect, useRef } from "preact/hooks";

/** `ms` undefined = not now. */
export function useInterval(ms: number | undefined, task: () => void): void {
  const newest = useRef(task);
  newest.current = task;
  useEffect(() => {
    if (ms === undefined) return;
    const timer = setInterval(() => newest.current(), ms);
    return () => clearInterval(timer);
  }, [ms]);
}
