/** Short questions over HTTP to other servers and to etcd. */
import { request } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** On a connection of its own. Rejects with the system's error, or when the signal is aborted. */
export function askHttp(url: string, method: "GET" | "HEAD" | "OPTIONS", signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent: false, signal });
    asked.once("error", reject);
    asked.once("response", (response) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response });
    });
    asked.end();
  });
}

export async function textOf({ body }: HttpAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Milliseconds that a machine of the same LAN has to answer. */
export const ANSWER_MS = 2000;

/** Aborted with `signal`, or when an answer is overdue. */
export function inTime(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
}
