/** Tells messages heard for the first time from replays, by each sender's epoch and sequence. */

interface Position {
  readonly epoch: number;
  readonly sequence: number;
}

export class ReplayGuard {
  private readonly latest = new Map<string, Position>();

  /**
   * Only a message later than all before it counts, so a recorded one that was lost or held back is worth nothing
   * either. Of the copies that come by several links the first one counts; one overtaken is as good as lost.
   */
  accepts({ sender, epoch, sequence }: Position & { readonly sender: string }): boolean {
    const latest = this.latest.get(sender);
    const isLater = !latest || epoch > latest.epoch || (epoch === latest.epoch && sequence > latest.sequence);
    if (isLater) this.latest.set(sender, { epoch, sequence });
    return isLater;
  }
}
