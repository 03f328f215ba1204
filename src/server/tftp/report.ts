/** What counters and observer are told of one transfer. */
import { TFTP_ERROR } from "../../wire/tftp-packet.ts";
import type { Counters } from "../counters.ts";
import type { Histogram } from "../histogram.ts";
import type { Transfer, TransferObserver } from "../server.ts";
import type { Outcome } from "./session.ts";

type About = Pick<Transfer, "protocol" | "client" | "path" | "size" | "started">;

export class TransferReport {
  private readonly about: About;
  private readonly observer: TransferObserver;
  private readonly counts: Counters;
  private readonly times: Histogram;
  private readonly began: number;
  private transferring: boolean = false;

  /** @param times of the transfers that reach their end */
  constructor(about: About, observer: TransferObserver, counts: Counters, times: Histogram) {
    this.about = about;
    this.observer = observer;
    this.counts = counts;
    this.times = times;
    this.began = times.start();
  }

  /** The client wants the file, not just its size. Safe to call again. */
  started(): void {
    if (this.transferring) return;
    this.transferring = true;
    this.observer.started(this.about);
  }

  sent(bytes: number): void {
    this.counts.add("packet-bytes", bytes);
  }

  /** @param bytes of the file that were sent @param ended milliseconds since 1970 */
  ended(outcome: Outcome, bytes: number, ended: number): void {
    const sizeOnly = !this.transferring && asksSizeOnly(outcome);
    this.counts.add(sizeOnly ? "size-only" : `transfer.${outcome.kind}`);
    if (sizeOnly) {
      const { protocol, client, path } = this.about;
      this.observer.request({ protocol, client, path, at: ended, outcome: "size-only" });
    }
    if (!this.transferring) return;
    const complete = outcome.kind === "complete";
    if (complete) this.times.end(this.began);
    const status = outcome.kind === "client-error" ? outcome.code : 0;
    this.observer.ended({ ...this.about, bytes: complete ? this.about.size : bytes, ended, complete, status });
  }
}

/** How BIOS ROMs and EDK II end a transfer of which they only want the size: with an ERROR in place of the first ACK. */
function asksSizeOnly(outcome: Outcome): boolean {
  return outcome.kind === "client-error" && outcome.code !== TFTP_ERROR.options;
}
