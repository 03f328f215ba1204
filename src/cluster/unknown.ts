/**
 * Machines that ask and are no hosts of the site, so that an operator can list them and make hosts of them. Kept in
 * memory and shared under `unknown/<mac>` of the common state, behind the back of whoever tells of them.
 */
import { type Ipv4, type Mac, parseMac } from "../base/address.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Arch, Firmware } from "../boot/client.ts";
import type { Deleted, Entry, Store } from "../store/store.ts";
import { type Following, followStore } from "./follow-store.ts";
import type { VendorOf } from "./unknown-vendors.ts";

/** What such a machine has said of itself, and where. */
export interface UnknownFacts {
  /** Of its firmware or boot loader (DHCP option 93); absent = it has not asked for its boot. */
  readonly arch?: Arch;
  readonly firmware?: Firmware;
  /** Who made its NIC, else the DHCP client's name for itself (option 60). */
  readonly vendor?: string;
  /** SMBIOS UUID (option 97, RFC 4578 section 2.3): all NICs of a machine tell the same. */
  readonly uuid?: string;
  /** What it was given last, or asked from. */
  readonly address?: Ipv4;
  /** Of the server that heard it; empty where it was only seen to fetch something. */
  readonly interface: string;
  /** The network that it asked in, `192.168.77.0/24`. */
  readonly subnet?: string;
}

/** One message or fetch. */
export interface Sighting extends Partial<UnknownFacts> {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly mac: Mac;
}

export interface UnknownMachine extends UnknownFacts {
  readonly mac: Mac;
  /** Milliseconds since 1970. */
  readonly first: number;
  readonly last: number;
  /** Messages and fetches; of several servers that count, the highest. */
  readonly times: number;
  /** Name of the server that saw it last. */
  readonly server: string;
}

export interface UnknownMachines {
  /** Only memory is touched: the serving path calls it. */
  note(sighting: Sighting): void;
  get(mac: Mac): UnknownMachine | undefined;
  /** Those seen last come first. */
  all(): readonly UnknownMachine[];
  /** Forgets those that are hosts now, here and in the common state. */
  settle(isHost: (mac: Mac) => boolean): void;
  /** Writes what is left. Never rejects. */
  close(): Promise<void>;
}

export interface UnknownOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Name of this server. */
  readonly server: string;
  /** Where other servers write to the same store. */
  readonly following?: Following;
  /** Absent = a machine's vendor is what its DHCP client says. */
  readonly vendorOf?: VendorOf;
  /** Machines that are kept; those not seen for longest go. */
  readonly limit?: number;
}

const PREFIX = "unknown/";
const LIMIT = 1000;
/** Between what is noted and what is written: whoever asks four times in a second is written once. */
const GATHER_MS = 2000;
/** Of one machine. */
const WRITE_EVERY_MS = 60_000;
/** Machines in one commit: made-up MAC addresses must not keep the cluster busy. */
const MOST_AT_ONCE = 100;

/** Reads what is known into memory. Rejects with `store-unavailable`. */
export async function openUnknown(options: UnknownOptions): Promise<UnknownMachines> {
  const known = await options.store.list(PREFIX);
  const table = new UnknownTable(options, known);
  const { store, following } = options;
  if (following) void followStore(store, PREFIX, known, (row) => table.apply(row), following);
  return table;
}

interface Kept {
  readonly machine: UnknownMachine;
  /** Does the store have it? */
  readonly isStored: boolean;
  /** Is there something that the store does not have? */
  readonly isUnsaved: boolean;
  /** When this server wrote it last. */
  readonly written?: number;
  /** Who made its NIC. */
  readonly maker?: string;
}

class UnknownTable implements UnknownMachines {
  private readonly options: UnknownOptions;
  private readonly kept = new Map<Mac, Kept>();
  /** To be removed from the store. */
  private readonly gone = new Set<Mac>();
  private timer: Timer | undefined;
  private writing: Promise<void> = Promise.resolve();
  private isClosed: boolean = false;

  constructor(options: UnknownOptions, known: readonly Entry[]) {
    this.options = options;
    for (const row of known) this.apply(row);
  }

  note({ at, mac, ...facts }: Sighting): void {
    const known = this.kept.get(mac);
    const { first, times } = known?.machine ?? { first: at, times: 0 };
    const { server } = this.options;
    // What it does not say this time it has said before: the installed system tells less than the firmware.
    const told = { interface: "", ...known?.machine, ...facts, mac, first, last: at, times: times + 1, server };
    const machine = known?.maker === undefined ? told : { ...told, vendor: known.maker };
    this.kept.set(mac, { isStored: false, ...known, machine, isUnsaved: true });
    if (known?.maker === undefined) void this.findMaker(mac);
    this.gone.delete(mac);
    this.keepWithinLimit();
    this.writeSoon();
  }

  get(mac: Mac): UnknownMachine | undefined {
    return this.kept.get(mac)?.machine;
  }

  all(): readonly UnknownMachine[] {
    return Array.from(this.kept.values(), ({ machine }) => machine).sort(
      (a, b) => b.last - a.last || (a.mac < b.mac ? -1 : 1),
    );
  }

  settle(isHost: (mac: Mac) => boolean): void {
    for (const mac of [...this.kept.keys()].filter(isHost)) this.drop(mac);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.timer?.cancel();
    await this.writing;
    await this.write(() => true);
  }

  /** What this or another server has committed. */
  apply({ key, value }: Entry | Deleted): void {
    const mac = parseMac(key.slice(PREFIX.length));
    if (!mac) return;
    if (value === undefined) {
      this.kept.delete(mac);
      return;
    }
    const told = machineOf(mac, value);
    if (!told) return;
    const known = this.kept.get(mac);
    const machine = known ? merge(known.machine, told) : told;
    this.kept.set(mac, { isUnsaved: false, ...known, isStored: true, machine });
    this.keepWithinLimit();
  }

  private async findMaker(mac: Mac): Promise<void> {
    const maker = await this.options.vendorOf?.(mac);
    const kept = this.kept.get(mac);
    if (maker === undefined || !kept) return;
    this.kept.set(mac, { ...kept, maker, machine: { ...kept.machine, vendor: maker }, isUnsaved: true });
    this.writeSoon();
  }

  private keepWithinLimit(): void {
    const { limit = LIMIT } = this.options;
    if (this.kept.size <= limit) return;
    const [oldest] = Array.from(this.kept.values(), ({ machine }) => machine).sort((a, b) => a.last - b.last);
    if (oldest) this.drop(oldest.mac);
  }

  private drop(mac: Mac): void {
    const known = this.kept.get(mac);
    this.kept.delete(mac);
    if (!known?.isStored) return;
    this.gone.add(mac);
    this.writeSoon();
  }

  private writeSoon(): void {
    if (this.isClosed) return;
    this.timer ??= this.options.clock.after(GATHER_MS, () => {
      this.timer = undefined;
      this.writing = this.writing.then(() => this.write((kept) => this.isDue(kept)));
    });
  }

  private isDue({ written }: Kept): boolean {
    const age = this.options.clock.now() - (written ?? Number.NEGATIVE_INFINITY);
    // A clock that was set back must not hold it up.
    return age >= WRITE_EVERY_MS || age < 0;
  }

  /** What cannot be written now is tried again with the next. */
  private async write(isDue: (kept: Kept) => boolean): Promise<void> {
    const due = [...this.kept.values()].filter((kept) => kept.isUnsaved && isDue(kept)).slice(0, MOST_AT_ONCE);
    const saved = due.map(({ machine }) => machine);
    const removed = [...this.gone];
    this.gone.clear();
    if (saved.length > 0 || removed.length > 0) {
      const put = saved.map(({ mac, ...rest }) => ({ key: keyOf(mac), value: JSON.stringify(rest) }));
      await this.options.store.commit({ put, remove: removed.map(keyOf) }).then(
        () => this.noteSaved(saved),
        () => this.stillGone(removed),
      );
    }
    if (this.gone.size > 0 || [...this.kept.values()].some(({ isUnsaved }) => isUnsaved)) this.writeSoon();
  }

  private stillGone(removed: readonly Mac[]): void {
    for (const mac of removed) if (!this.kept.has(mac)) this.gone.add(mac);
  }

  private noteSaved(saved: readonly UnknownMachine[]): void {
    const written = this.options.clock.now();
    for (const machine of saved) {
      const kept = this.kept.get(machine.mac);
      const isUnsaved = kept?.machine !== machine;
      if (kept) this.kept.set(machine.mac, { ...kept, isStored: true, isUnsaved, written });
      // It was dropped while it was being written.
      else this.gone.add(machine.mac);
    }
  }
}

function keyOf(mac: Mac): string {
  return PREFIX + mac;
}

/** All servers of a LAN hear the same message: they count it once. */
function merge(mine: UnknownMachine, theirs: UnknownMachine): UnknownMachine {
  const [older, newer] = mine.last >= theirs.last ? [theirs, mine] : [mine, theirs];
  return {
    ...older,
    ...newer,
    first: Math.min(mine.first, theirs.first),
    times: Math.max(mine.times, theirs.times),
  };
}

/** Undefined for what another version may have written. */
function machineOf(mac: Mac, value: string): UnknownMachine | undefined {
  try {
    const record = JSON.parse(value) as Partial<UnknownMachine>;
    const { first, last, times, server, interface: device } = record;
    const isWhole =
      [first, last, times].every(Number.isFinite) && [server, device].every((each) => typeof each === "string");
    return isWhole ? ({ ...record, mac } as UnknownMachine) : undefined;
  } catch {
    return undefined;
  }
}
