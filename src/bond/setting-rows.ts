/** A bond's settings as declared beside those that the kernel shows. */
import type { BondSettings } from "./model.ts";
import { OPTIONS } from "./options.ts";

export interface SettingRow {
  readonly key: keyof BondSettings;
  readonly declared?: string;
  /** What the kernel makes of the declared value. */
  readonly wanted?: string;
  /** Absent: the kernel does not show it, or nothing is reported. */
  readonly found?: string;
  /** Declared, shown, and not the same. */
  readonly isUnlike: boolean;
}

/** Those that are declared or found. A setting that was not declared is the driver's own business: never unlike. */
export function compareSettings(expected: BondSettings, found: BondSettings | undefined): readonly SettingRow[] {
  // The kernel shows no arp_interval where there is none.
  const shown = found && { ...(expected.arp_interval !== undefined && { arp_interval: 0 }), ...found };
  return OPTIONS.flatMap((key) => {
    const [declared, wanted, have] = [expected[key], wantedSetting(expected, key), shown?.[key]].map(settingText);
    if (declared === undefined && have === undefined) return [];
    return [
      {
        key,
        ...(declared !== undefined && { declared }),
        ...(wanted !== undefined && { wanted }),
        ...(have !== undefined && { found: have }),
        isUnlike: wanted !== undefined && have !== undefined && wanted !== have,
      },
    ];
  });
}

/** The kernel rounds the delays down to multiples of `miimon`. */
function wantedSetting(expected: BondSettings, key: (typeof OPTIONS)[number]): BondSettings[typeof key] {
  const value = expected[key];
  if ((key !== "updelay" && key !== "downdelay") || typeof value !== "number" || !expected.miimon) return value;
  return value - (value % expected.miimon);
}

function settingText(value: string | number | readonly string[] | undefined): string | undefined {
  return typeof value === "object" ? value.join(", ") : value?.toString();
}
