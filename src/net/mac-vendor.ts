/** Who made a NIC, by the list of the IEEE that comes with udev; nothing is asked of the network. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Mac } from "../base/address.ts";
import { errnoOf } from "../base/errors.ts";

/** Of packages udev and systemd-hwdb (hwdb(7)). */
const LIST = "/usr/lib/udev/hwdb.d/20-OUI.hwdb";
const NAME = /^ ID_OUI_FROM_DATABASE=(.+)$/;

/**
 * In words: the manufacturer, or that there is none (a virtual machine, a container); undefined where the list is not
 * installed or does not have it.
 */
export async function vendorOf(mac: Mac, list: string = LIST): Promise<string | undefined> {
  if ((Number.parseInt(mac.slice(0, 2), 16) & 2) !== 0) return "an address that was made up, as virtual machines have";
  const wanted = `OUI:${mac.slice(0, 8).replaceAll(":", "").toUpperCase()}*`;
  const input = createReadStream(list, "utf8");
  try {
    let isNext = false;
    for await (const line of createInterface({ input })) {
      if (isNext) return NAME.exec(line)?.[1];
      isNext = line === wanted;
    }
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  } finally {
    input.destroy();
  }
  return undefined;
}
