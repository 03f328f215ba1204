/** An answer by node:http: of requests that its parser has read. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Answer } from "./answer.ts";
import type { Reply } from "./exchange.ts";
import { ClientGone } from "./files.ts";

export class ResponseOutlet implements Reply {
  private readonly response: ServerResponse;

  constructor(response: ServerResponse) {
    this.response = response;
  }

  get hasBegun(): boolean {
    return this.response.headersSent;
  }

  begin({ status, headers }: Answer): void {
    this.response.writeHead(status, headers);
  }

  sendWhole(): boolean {
    return false;
  }

  /**
   * Waiting until the system has the bytes, not for `drain`, also means that nothing is lost when an idle connection is
   * closed right after `end`.
   */
  write(bytes: Uint8Array): Promise<void> {
    const { response } = this;
    return new Promise((resolve, reject) => {
      const gone = () => reject(new ClientGone());
      if (response.destroyed || response.socket?.destroyed) return gone();
      response.once("close", gone);
      response.write(bytes, (error) => {
        response.off("close", gone);
        if (error) gone();
        else resolve();
      });
    });
  }

  direct(): Socket | undefined {
    this.response.flushHeaders();
    return this.response.socket ?? undefined;
  }

  async end(): Promise<void> {
    this.response.end();
  }

  closeAfter(): void {
    this.response.setHeader("Connection", "close");
  }

  cut(): void {
    this.response.destroy();
  }

  moved(): void {}
}
