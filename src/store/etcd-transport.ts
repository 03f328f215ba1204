/** HTTP to etcd's JSON gateway, with connections that are kept open. */
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";

export interface EtcdAnswer {
  /** HTTP status. */
  readonly status: number;
  /** The body as it comes; rejects when the connection breaks. */
  readonly chunks: AsyncIterable<string>;
}

/** Posts a JSON body; resolves with the head of the answer. Rejects on a broken connection and when the signal aborts. */
export interface EtcdTransport {
  post(url: string, body: string, signal: AbortSignal): Promise<EtcdAnswer>;
  /** Drops the connections that are kept open. */
  close(): void;
}

/** PEM texts. etcd 3.4's gateway refuses client certificates with a common name while its `auth` is on. */
export interface EtcdTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** The member ends a stream without a leader, instead of leaving it open and silent (etcd `WithRequireLeader`). */
const REQUIRE_LEADER = { "Grpc-Metadata-hasleader": "true" };

export function createEtcdTransport(tls?: EtcdTls): EtcdTransport {
  const http = new HttpAgent({ keepAlive: true });
  const https = new HttpsAgent({ keepAlive: true, ...tls });

  function post(url: string, body: string, signal: AbortSignal): Promise<EtcdAnswer> {
    const secure = url.startsWith("https:");
    const headers = {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(body),
      ...REQUIRE_LEADER,
    };
    return new Promise((resolve, reject) => {
      const options = { method: "POST", agent: secure ? https : http, headers, signal };
      const sent = (secure ? requestHttps : requestHttp)(url, options, (answer) => resolve(answerOf(answer)));
      sent.on("error", reject);
      sent.end(body);
    });
  }

  return {
    post,
    close() {
      http.destroy();
      https.destroy();
    },
  };
}

function answerOf(answer: IncomingMessage): EtcdAnswer {
  answer.setEncoding("utf8");
  return { status: answer.statusCode ?? 0, chunks: answer };
}
