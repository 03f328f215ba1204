/** The frame around all pages: log-in, navigation, connection, messages, keys. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Api, ApiError, createApi } from "./api.ts";
import { browserClock, measure } from "./browser.ts";
import { type Desk, DeskContext, type Question } from "./desk.ts";
import { ConfirmDialog } from "./dialog.tsx";
import { FleetPage } from "./fleet-page.tsx";
import { ConnectionBar, Header, KeysDialog } from "./frame.tsx";
import { type Live, startLive } from "./live.ts";
import { Login } from "./login.tsx";
import { MachinePage } from "./machine-page.tsx";
import { type Page, pageOf, pathOf, titleOf } from "./router.ts";
import { ServersPage } from "./servers-page.tsx";
import type { Session } from "./shapes.ts";
import { UnknownPage } from "./unknown-page.tsx";

type SessionState = Session | "asking" | "none" | { readonly trouble: string };

export function App() {
  const [session, setSession] = useState<SessionState>("asking");
  const api = useMemo(
    () =>
      createApi({
        fetch: (input, init) => fetch(input, init),
        randomBytes: () => crypto.getRandomValues(new Uint8Array(16)),
        onRefused: () => setSession("none"),
      }),
    [],
  );
  const askSession = useCallback(() => {
    api.get<Session>("/session").then(setSession, (error: Error) => {
      if (!(error instanceof ApiError && error.status === 401)) setSession({ trouble: error.message });
    });
  }, [api]);
  useEffect(askSession, [askSession]);
  if (session === "asking") return <main class="blank" aria-busy="true" />;
  if (session === "none") return <Login api={api} onSession={setSession} />;
  if ("trouble" in session) {
    return (
      <main class="blank">
        <h1>Everboot</h1>
        <p role="alert">{session.trouble}</p>
        <button type="button" onClick={askSession}>
          Try again
        </button>
      </main>
    );
  }
  return <LoggedIn api={api} session={session} onLogout={() => setSession("none")} />;
}

interface Message {
  readonly text: string;
  readonly isTrouble: boolean;
}

/** Milliseconds that the outcome of an action stays. */
const MESSAGE_TIME = 8_000;

function LoggedIn({ api, session, onLogout }: { api: Api; session: Session; onLogout: () => void }) {
  const [announcement, announce] = useState("");
  const [message, setMessage] = useState<Message>();
  const [question, setQuestion] = useState<AskedQuestion>();
  const [isHelpShown, setHelpShown] = useState(false);
  const [page, go] = usePage();
  const live = useLive(announce, onLogout);
  useKeys(page, go, () => setHelpShown(true));
  useEffect(() => {
    if (message === undefined || message.isTrouble) return;
    const timer = setTimeout(() => setMessage(undefined), MESSAGE_TIME);
    return () => clearTimeout(timer);
  }, [message]);
  const desk = useMemo(
    () => live && createDesk({ api, live, session, go, setMessage, setQuestion }),
    [api, live, session, go],
  );
  if (desk === undefined) return null;
  return (
    <DeskContext.Provider value={desk}>
      <a class="skip" href="#content">
        Skip to content
      </a>
      <Header page={page} onHelp={() => setHelpShown(true)} onLogout={() => void logout(api, desk, onLogout)} />
      <ConnectionBar />
      <main id="content" tabIndex={-1}>
        <PageContent page={page} />
      </main>
      <div class="hidden" aria-live="polite">
        {announcement}
      </div>
      <div class={message?.isTrouble ? "message trouble" : "message"} role="status">
        {message?.text}
        {message && (
          <button type="button" aria-label="Close message" onClick={() => setMessage(undefined)}>
            ×
          </button>
        )}
      </div>
      {question && <ConfirmDialog key={question.number} question={question} onAnswer={question.answer} />}
      {isHelpShown && <KeysDialog onClose={() => setHelpShown(false)} />}
    </DeskContext.Provider>
  );
}

function PageContent({ page }: { page: Page }) {
  switch (page.page) {
    case "fleet":
      return <FleetPage />;
    case "host":
      return <MachinePage key={page.host} host={page.host} />;
    case "servers":
      return <ServersPage />;
    case "unknown":
      return <UnknownPage />;
  }
}

interface AskedQuestion extends Question {
  /** Each has a dialog of its own: one that closes may still be there when the next one opens. */
  readonly number: number;
  readonly answer: (isYes: boolean) => void;
}

interface DeskParts extends Pick<Desk, "api" | "live" | "session" | "go"> {
  readonly setMessage: (message: Message) => void;
  readonly setQuestion: (next: (asked: AskedQuestion | undefined) => AskedQuestion | undefined) => void;
}

function createDesk({ setMessage, setQuestion, ...desk }: DeskParts): Desk {
  let questions = 0;
  return {
    ...desk,
    tell: (text, isTrouble = false) => setMessage({ text, isTrouble }),
    confirm: (question) =>
      new Promise((resolve) => {
        questions += 1;
        const number = questions;
        const answer = (isYes: boolean) => {
          setQuestion((asked) => (asked?.number === number ? undefined : asked));
          resolve(isYes);
        };
        setQuestion(() => ({ ...question, number, answer }));
      }),
  };
}

async function logout(api: Api, desk: Desk, onLogout: () => void): Promise<void> {
  try {
    await api.send("DELETE", "/session");
    onLogout();
  } catch (error) {
    desk.tell(error instanceof Error ? error.message : "the log-out failed", true);
  }
}

function useLive(announce: (text: string) => void, onRefused: () => void): Live | undefined {
  const [live, setLive] = useState<Live>();
  const refused = useRef(onRefused);
  useEffect(() => {
    const started = startLive({
      open: (signal) => fetch("/api/v1/stream", { signal, headers: { accept: "text/event-stream" } }),
      clock: browserClock,
      announce,
      measured: (start) => measure("everboot-message", start),
      stopwatch: () => performance.now(),
    });
    started.subscribe(() => {
      if (started.known().connection.kind === "refused") refused.current();
    });
    setLive(started);
    return () => started.close();
  }, [announce]);
  return live;
}

function usePage(): [Page, (page: Page) => void] {
  const [page, setPage] = useState(() => pageOf(location.pathname));
  useEffect(() => {
    const read = () => setPage(pageOf(location.pathname));
    addEventListener("popstate", read);
    return () => removeEventListener("popstate", read);
  }, []);
  useEffect(() => {
    document.title = titleOf(page);
  }, [page]);
  const go = useCallback((next: Page) => {
    history.pushState(null, "", pathOf(next));
    setPage(next);
    scrollTo(0, 0);
    document.getElementById("content")?.focus({ preventScroll: true });
  }, []);
  return [page, go];
}

/** `/` to the filter, `?` to the list of keys, Esc from another page back to the fleet. */
function useKeys(page: Page, go: (page: Page) => void, showHelp: () => void): void {
  useEffect(() => {
    const isFleet = page.page === "fleet";
    const actions: Readonly<Record<string, () => void>> = {
      "?": showHelp,
      ...(!isFleet && { Escape: () => go({ page: "fleet" }) }),
      "/": () => {
        if (isFleet) return focusFilter();
        go({ page: "fleet" });
        // The other page is drawn in the next frame.
        requestAnimationFrame(() => requestAnimationFrame(focusFilter));
      },
    };
    const onKey = (event: KeyboardEvent) => {
      const action = actions[event.key];
      if (action === undefined || !isFree(event)) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [page, go, showHelp]);
}

function focusFilter(): void {
  document.getElementById("filter")?.focus();
}

/** Nobody else wants this key: no field, no dialog, no shortcut of the browser. */
function isFree({ ctrlKey, metaKey, altKey, target }: KeyboardEvent): boolean {
  const isTyping = target instanceof Element && target.matches("input, select, textarea");
  return !(ctrlKey || metaKey || altKey || isTyping || document.querySelector("dialog[open]"));
}
