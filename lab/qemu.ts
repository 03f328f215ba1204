/** What QEMU is told about a machine of the lab, as arguments. No processes here. */

export type MachineFirmware = "bios" | "uefi";

export interface MachineShape {
  /** Path of the qcow2 image of the one disk, `/dev/vda` inside. */
  readonly disk: string;
  /** One NIC each, in the order in which the machine finds them. */
  readonly macs: readonly [string, ...string[]];
  readonly firmware: MachineFirmware;
  /**
   * Who asks the network: iPXE from the NIC's ROM (what QEMU ships), or the firmware's own PXE (UEFI only: SeaBIOS has
   * none and needs the ROM).
   */
  readonly rom: boolean;
  /** UEFI asks by HTTP boot in place of PXE; needs `rom` to be false. */
  readonly httpBoot: boolean;
  /** `network-first`: at each start, a reboot of the guest included, NIC 0 asks first and the disk comes second. */
  readonly boot: "network-first" | "disk";
  readonly memoryMb: number;
  readonly cpus: number;
  readonly accel: "kvm" | "tcg";
  /** The emulator ends when the guest reboots. */
  readonly stopAtReboot: boolean;
}

/** What the machine is plugged into on this computer. */
export interface MachinePlugs {
  /** Tap devices, one for each NIC. */
  readonly taps: readonly string[];
  /** File descriptors of the sockets for the first serial port and for QMP. */
  readonly serialFd: number;
  readonly qmpFd: number;
  /** File that gets a copy of the serial port's output. */
  readonly consoleLog: string;
}

export const OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd";
export const OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/** The firmware's variables (boot entries), a copy of its own for each disk. */
export function efiVarsOf(disk: string): string {
  return `${disk}.efivars`;
}

export function qemuArguments(shape: MachineShape, plugs: MachinePlugs): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35,graphics=off"],
    ...accelArguments(shape.accel),
    ...["-smp", String(shape.cpus), "-m", String(shape.memoryMb), "-device", "virtio-rng-pci"],
    ...diskArguments(shape),
    ...shape.macs.flatMap((mac, index) => nicArguments(shape, plugs.taps[index] ?? "", mac, index)),
    ...(shape.firmware === "uefi" ? uefiArguments(shape) : []),
    // SeaBIOS starts over 10 s after it found nothing to boot; OVMF does so by itself.
    ...["-boot", "strict=on,reboot-timeout=10000", ...(shape.stopAtReboot ? ["-no-reboot"] : [])],
    ...["-chardev", `socket,id=serial0,fd=${plugs.serialFd},logfile=${plugs.consoleLog}`],
    ...["-serial", "chardev:serial0"],
    ...["-chardev", `socket,id=qmp0,fd=${plugs.qmpFd}`, "-mon", "chardev=qmp0,mode=control"],
  ];
}

/** Emulated vector units slow programs down that find AVX, so TCG shows a processor without it. */
function accelArguments(accel: "kvm" | "tcg"): string[] {
  return accel === "kvm"
    ? ["-accel", "kvm", "-cpu", "host"]
    : ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Nehalem"];
}

function diskArguments(shape: MachineShape): string[] {
  return [
    "-drive",
    `if=none,id=disk0,file=${shape.disk},format=qcow2,cache=unsafe,discard=unmap`,
    "-device",
    "virtio-blk-pci,drive=disk0,bootindex=1",
  ];
}

function nicArguments(shape: MachineShape, tap: string, mac: string, index: number): string[] {
  const bootIndex = index === 0 && shape.boot === "network-first" ? ",bootindex=0" : "";
  const rom = shape.rom ? "" : ",romfile=";
  return [
    "-netdev",
    `tap,id=net${index},ifname=${tap},script=no,downscript=no`,
    "-device",
    `virtio-net-pci,netdev=net${index},id=nic${index},mac=${mac}${rom}${bootIndex}`,
  ];
}

/**
 * OVMF offers PXE and HTTP boot over IPv4 and IPv6 for the NIC that `bootindex` names, PXE first; the switches are
 * those of OvmfPkg/Library/PxeBcPcdProducerLib. Nothing answers IPv6 here, so it would only wait.
 */
function uefiArguments(shape: MachineShape): string[] {
  return [
    ...["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${OVMF_CODE}`],
    ...["-drive", `if=pflash,unit=1,format=raw,file=${efiVarsOf(shape.disk)}`],
    ...["-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n"],
    ...(shape.httpBoot ? ["-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n"] : []),
  ];
}
