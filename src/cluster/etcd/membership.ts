/**
 * Who the members of an etcd cluster are, and changing that: calls over the JSON gateway (etcd 3.4, rpc.proto, service
 * `Cluster`), each to the first endpoint that can answer it.
 */
import { type Clock, sleep } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import { createEtcdTransport, type EtcdTransport } from "../../store/etcd-transport.ts";

export interface EtcdMember {
  /** Decimal. */
  readonly id: string;
  /** Empty until it first starts, when it was added to a cluster that ran. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** Empty until it first starts. */
  readonly clientUrls: readonly string[];
  /** It has no vote yet: it copies what the cluster has. */
  readonly isLearner: boolean;
}

/** What one member says of itself. */
export interface EtcdStatus {
  readonly id: string;
  /** Of the member that leads; absent = it knows of none. */
  readonly leader?: string;
}

export interface Membership {
  /** As a member with a leader has it; undefined when none answers. */
  list(): Promise<readonly EtcdMember[] | undefined>;
  /** As a learner. Rejects with EverbootError `etcd-away`, or `etcd-refused` with etcd's reason; so do the others. */
  add(peerUrl: string): Promise<void>;
  /** Refused while it has not caught up. */
  promote(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Undefined when nothing answers there. */
  status(clientUrl: string): Promise<EtcdStatus | undefined>;
  close(): void;
}

export interface MembershipOptions {
  /** Client URLs of members: at least one. */
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  readonly transport?: EtcdTransport;
  /** Milliseconds that one member has to answer, default 2000: a change needs a majority, perhaps after an election. */
  readonly callMs?: number;
  /** Ends all calls: as if no member answered. */
  readonly signal?: AbortSignal;
}

/** gRPC status codes with which etcd has judged the call; with all others another member may do better. */
const JUDGED_CODES: ReadonlySet<number> = new Set([
  3 /* InvalidArgument */, 5 /* NotFound */, 9 /* FailedPrecondition */,
]);

/** Comes with the code of an outage: etcd adds nobody unless all that have a vote were connected for 5 s. */
const UNHEALTHY = "unhealthy cluster";

export function createMembership(options: MembershipOptions): Membership {
  const { endpoints, clock, transport = createEtcdTransport(), callMs = 5000, signal } = options;

  async function post(url: string, body: unknown): Promise<Answer | undefined> {
    const deadline = new AbortController();
    const timer = clock.after(callMs, () => deadline.abort());
    try {
      const both = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
      const { status, chunks } = await transport.post(url, JSON.stringify(body), both);
      let text = "";
      for await (const chunk of chunks) text += chunk;
      return { isWell: status === 200, body: JSON.parse(text) };
    } catch {
      // No connection, no answer in time, or no etcd: this member cannot be asked.
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  /** Undefined when no member can tell. */
  async function ask(path: string, body: unknown): Promise<AnswerBody | undefined> {
    for (const endpoint of endpoints) {
      const answer = await post(endpoint + path, body);
      if (answer?.isWell) return answer.body;
      if (answer && isJudged(answer.body)) {
        throw new EverbootError("etcd-refused", { reason: answer.body.message ?? "no reason given" });
      }
    }
    return undefined;
  }

  async function change(path: string, body: unknown): Promise<void> {
    if (await ask(path, body)) return;
    throw new EverbootError("etcd-away", { endpoints: endpoints.join(", ") });
  }

  return {
    list: async () => (await ask("/v3/cluster/member/list", {}))?.members?.map(memberOf),
    add: (peerUrl) => change("/v3/cluster/member/add", { peerURLs: [peerUrl], isLearner: true }),
    promote: (id) => change("/v3/cluster/member/promote", { ID: id }),
    remove: (id) => change("/v3/cluster/member/remove", { ID: id }),
    async status(clientUrl) {
      const answer = await post(`${clientUrl}/v3/maintenance/status`, {});
      return answer && statusOf(answer.body);
    },
    close: () => transport.close(),
  };
}

function isJudged({ code = 0, message = "" }: AnswerBody): boolean {
  return JUDGED_CODES.has(code) || message.includes(UNHEALTHY);
}

/** etcd wants to have seen the members that it needs for 5 s; one of them may have come back just now. */
const HEALTHY_WITHIN_MS = 10_000;
const ASK_AGAIN_MS = 500;

/** Makes a change of the members, again and again while that is the reason not to. Rejects as the change does. */
export async function untilHealthy(change: () => Promise<void>, clock: Clock): Promise<void> {
  const end = clock.now() + HEALTHY_WITHIN_MS;
  for (;;) {
    try {
      return await change();
    } catch (error) {
      if (!isUnhealthy(error) || clock.now() > end) throw error;
    }
    await sleep(clock, ASK_AGAIN_MS);
  }
}

function isUnhealthy(error: unknown): boolean {
  return error instanceof EverbootError && String(error.details.reason).includes(UNHEALTHY);
}

interface Answer {
  readonly isWell: boolean;
  readonly body: AnswerBody;
}

/** Of all answers, and of refusals, what is read here; 64-bit numbers are text, and absent what is zero. */
interface AnswerBody {
  readonly code?: number;
  readonly message?: string;
  readonly members?: readonly MemberJson[];
  readonly header?: { readonly member_id?: string };
  readonly leader?: string;
}

interface MemberJson {
  readonly ID?: string;
  readonly name?: string;
  readonly peerURLs?: readonly string[];
  readonly clientURLs?: readonly string[];
  readonly isLearner?: boolean;
}

function memberOf({ ID = "0", name = "", peerURLs = [], clientURLs = [], isLearner = false }: MemberJson): EtcdMember {
  return { id: ID, name, peerUrls: peerURLs, clientUrls: clientURLs, isLearner };
}

/** A member without a leader refuses the call: that is an answer too. */
function statusOf({ header, leader }: AnswerBody): EtcdStatus {
  return { id: header?.member_id ?? "0", ...(leader !== undefined && leader !== "0" && { leader }) };
}
