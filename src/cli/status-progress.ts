/** How far an install is, as a bar and in words. Pure. */
import type { Progress, ProgressBasis } from "../cluster/status.ts";
import { bytesText } from "./status-units.ts";

/** `[#####.....]`, `width` wide with its brackets. Full at 1 alone. */
export function barText(fraction: number, width: number): string {
  const room = Math.max(0, width - 2);
  const done = Math.min(room, Math.floor(room * Math.max(0, fraction)));
  return `[${"#".repeat(done)}${".".repeat(room - done)}]`;
}

/** `52 %`; `~52 %` is an estimate. Rounded down, so that 100 % is the end. */
export function percentText({ fraction, isEstimate }: Pick<Progress, "fraction" | "isEstimate">): string {
  return `${isEstimate ? "~" : ""}${Math.floor(fraction * 100)} %`;
}

const BASIS: Readonly<Record<ProgressBasis, string>> = {
  counted: "counted by the installer",
  earlier: "an estimate by what earlier installs of this profile fetched",
  tree: "an estimate by the tree's package list",
};

/** `[#####.....] 52 %  471 of 903 packages, counted by the installer` */
export function progressText(progress: Progress, barWidth: number): string {
  const { done, of, unit, basis } = progress;
  const amount = (count: number) => (unit === "bytes" ? bytesText(count) : String(count));
  const reached = of === undefined ? amount(done) : `${amount(done)} of ${amount(of)}`;
  const what = unit === "packages" ? `${reached} packages` : reached;
  return `${barText(progress.fraction, barWidth)} ${percentText(progress)}  ${what}, ${BASIS[basis]}`;
}
