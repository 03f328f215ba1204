/** What every part of the page may use, handed down by the application. */
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import type { Api } from "./api.ts";
import { browserClock } from "./browser.ts";
import { useInterval } from "./interval.ts";
import type { Knowledge, Live } from "./live.ts";
import type { Page } from "./router.ts";
import type { Role, Session } from "./shapes.ts";

export interface Question {
  readonly title: string;
  readonly text: string;
  /** On the button that does it. */
  readonly action: string;
  readonly isDangerous?: boolean;
}

export interface Desk {
  readonly api: Api;
  readonly live: Live;
  readonly session: Session;
  go(page: Page): void;
  /** Resolves to what the reader chose. */
  confirm(question: Question): Promise<boolean>;
  /** Shows the outcome of an action, and reads it out. */
  tell(text: string, isTrouble?: boolean): void;
}

export const DeskContext = createContext<Desk | undefined>(undefined);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === undefined) throw new Error("this part of the page stands outside of the application");
  return desk;
}

const RANKS: readonly Role[] = ["viewer", "operator", "admin"];

export function mayAct(session: Session, least: Role): boolean {
  return RANKS.indexOf(session.role) >= RANKS.indexOf(least);
}

/** Draws the component anew when what is known changes. */
export function useKnowledge(live: Live): Knowledge {
  const [known, setKnown] = useState(live.known());
  useEffect(() => {
    // It may have changed between drawing and this effect.
    setKnown(live.known());
    return live.subscribe(() => setKnown(live.known()));
  }, [live]);
  return known;
}

/** The server's time, drawn anew each second. */
export function useNow(live: Live): number {
  const [now, setNow] = useState(live.now());
  useInterval(1000, () => setNow(live.now()));
  return now;
}

/** A number that grows when `value` changes, at most once in `ms`; a change is never lost, only told later. */
export function useBeat(value: unknown, ms: number): number {
  const [beat, setBeat] = useState(0);
  const told = useRef({ value, at: 0 });
  useEffect(() => {
    if (told.current.value === value) return;
    const wait = Math.max(0, told.current.at + ms - Date.now());
    const timer = browserClock.after(wait, () => {
      told.current = { value, at: Date.now() };
      setBeat((count) => count + 1);
    });
    return () => timer.cancel();
  }, [value, ms]);
  return beat;
}

export interface Resource<T> {
  /** Stays while it is asked for anew. */
  readonly data?: T;
  /** Why the newest try failed, in words. */
  readonly trouble?: string;
  readonly again: () => void;
}

/** What the API answers at `path`; asked again when `beat` changes. Without a path nothing is asked. */
export function useResource<T>(path: string | undefined, beat: number = 0): Resource<T> {
  const { api } = useDesk();
  const [tries, setTries] = useState(0);
  const [held, setHeld] = useState<{ path: string | undefined; data?: T; trouble?: string }>({ path });
  useEffect(() => {
    if (path === undefined) return;
    const ending = new AbortController();
    api.get<T>(path, ending.signal).then(
      (data) => setHeld({ path, data }),
      (error: Error) => {
        if (ending.signal.aborted) return;
        setHeld((before) => ({ ...(before.path === path ? before : {}), path, trouble: error.message }));
      },
    );
    return () => ending.abort();
  }, [api, path, beat, tries]);
  const again = useCallback(() => setTries((count) => count + 1), []);
  const { data, trouble } = held.path === path ? held : {};
  return { ...(data !== undefined && { data }), ...(trouble !== undefined && { trouble }), again };
}
