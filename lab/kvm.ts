/** Can this computer run a machine at full speed? */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { createInterface } from "node:readline";
import { kill } from "./cleanup.ts";

let known: Promise<boolean> | undefined;

/**
 * Whether KVM really boots a Linux kernel. `/dev/kvm` alone says little: inside some virtual machines it is there, runs
 * the firmware and then stands still in the kernel's decompression. `kernel` is any bzImage; asked once a process.
 */
export function kvmWorks(kernel: string): Promise<boolean> {
  known ??= kvmDevice() ? bootsKernel(kernel) : Promise.resolve(false);
  return known;
}

function kvmDevice(): boolean {
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A kernel that runs greets on the serial port within two seconds; ten are for a busy computer. */
function bootsKernel(kernel: string): Promise<boolean> {
  const machine = ["-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35,graphics=off", "-m", "256"];
  const args = [...machine, "-accel", "kvm", "-cpu", "host", "-no-reboot", "-serial", "stdio", "-kernel", kernel];
  const child = spawn("qemu-system-x86_64", [...args, "-append", "console=ttyS0 panic=-1"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  return new Promise((resolve) => {
    const finish = (works: boolean) => {
      clearTimeout(timer);
      kill(child.pid);
      resolve(works);
    };
    const timer = setTimeout(() => finish(false), 10_000);
    child.once("error", () => finish(false)).once("exit", () => finish(false));
    createInterface({ input: child.stdout }).on("line", (line) => line.includes("Linux version ") && finish(true));
  });
}
