/** Takes a token; the server keeps the session in a cookie that no script can read. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Api } from "./api.ts";
import type { Session } from "./shapes.ts";

export function Login({ api, onSession }: { api: Api; onSession: (session: Session) => void }) {
  const [trouble, setTrouble] = useState<string>();
  const [isAsking, setAsking] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  async function login(token: string): Promise<void> {
    setAsking(true);
    try {
      onSession(await api.send<Session>("POST", "/session", { token }));
    } catch (error) {
      setAsking(false);
      setTrouble(error instanceof Error ? error.message : "the log-in failed");
      input.current?.select();
    }
  }

  return (
    <main class="login">
      <h1>Everboot</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void login(input.current?.value.trim() ?? "");
        }}
      >
        <label for="token">Token</label>
        <input
          id="token"
          ref={input}
          type="password"
          autocomplete="current-password"
          required
          spellcheck={false}
          aria-describedby="token-help"
          aria-invalid={trouble !== undefined}
        />
        <p id="token-help" class="muted">
          The first one was printed when the daemon first started. <code>everboot token add NAME --role viewer</code>{" "}
          makes another.
        </p>
        {trouble !== undefined && (
          <p class="trouble-note" role="alert">
            {trouble}
          </p>
        )}
        <button type="submit" class="primary" disabled={isAsking}>
          Log in
        </button>
      </form>
    </main>
  );
}
