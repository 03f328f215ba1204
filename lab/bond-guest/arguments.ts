/** What QEMU is told about a bond guest, as arguments. No processes here. */

/** What a NIC's cable leads to: a bridge of the namespace, by a tap device, or another guest, by datagrams. */
export type GuestPlug =
  | { readonly tap: string }
  /** Paths of Unix sockets: this guest's, and that of the guest at the other end. */
  | { readonly near: string; readonly far: string };

export interface BondGuestShape {
  readonly kernel: string;
  readonly initramfs: string;
  readonly nics: ReadonlyArray<{ readonly name: string; readonly mac: string; readonly plug: GuestPlug }>;
  readonly memoryMb: number;
  /** File descriptors of the sockets for the serial port and for QMP. */
  readonly serialFd: number;
  readonly qmpFd: number;
  /** File that gets a copy of the serial port's output. */
  readonly consoleLog: string;
}

/** Always emulated: it is short work, and does the same everywhere. A kernel that panics ends the emulator. */
export function bondGuestArguments(shape: BondGuestShape): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35,graphics=off", "-no-reboot"],
    // a processor without AVX, whose emulation is slow
    ...["-accel", "tcg", "-cpu", "Nehalem", "-m", String(shape.memoryMb)],
    ...["-kernel", shape.kernel, "-initrd", shape.initramfs],
    // the kernel panics when the timer does not tick while it looks, as an emulator on a busy computer may not do
    ...["-append", "console=ttyS0 loglevel=4 panic=-1 mitigations=off no_timer_check"],
    ...shape.nics.flatMap(({ name, mac, plug }) => [
      ...["-netdev", netdev(name, plug)],
      // 802.3ad puts no port without a speed into an aggregator, and virtio has none by itself
      ...["-device", `virtio-net-pci,id=${name},netdev=${name}-cable,mac=${mac},speed=1000,duplex=full,romfile=`],
    ]),
    ...["-chardev", `socket,id=serial0,fd=${shape.serialFd},logfile=${shape.consoleLog}`, "-serial", "chardev:serial0"],
    ...["-chardev", `socket,id=qmp0,fd=${shape.qmpFd}`, "-mon", "chardev=qmp0,mode=control"],
  ];
}

function netdev(nic: string, plug: GuestPlug): string {
  const id = `${nic}-cable`;
  if ("tap" in plug) return `tap,id=${id},ifname=${plug.tap},script=no,downscript=no`;
  return `dgram,id=${id},local.type=unix,local.path=${plug.near},remote.type=unix,remote.path=${plug.far}`;
}
