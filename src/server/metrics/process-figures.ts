/** What the daemon's process costs, under the names that all Prometheus clients give these figures. */
import type { HistogramSnapshot } from "../histogram.ts";
import type { Sheet } from "./sheet.ts";

/** @param now milliseconds since 1970 */
export function putProcessFigures(sheet: Sheet, now: number, lag: HistogramSnapshot): void {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  sheet.put("process_cpu_seconds_total", {}, (user + system) / 1e6);
  sheet.put("process_resident_memory_bytes", {}, rss);
  sheet.put("process_heap_bytes", {}, heapUsed);
  sheet.put("process_start_time_seconds", {}, Math.round(now / 1000 - process.uptime()));
  sheet.putHistogram("everboot_event_loop_lag_seconds", {}, lag);
}
