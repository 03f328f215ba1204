/** docs/grafana/everboot.json: its queries are sound and about metrics that there are, its panels have room and say what they show. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { METRICS } from "../../../../src/server/metrics/definitions.ts";
import { runJudge } from "../../../support/judges.ts";
import { PROMTOOL, strangersIn, withFile } from "../../../support/prometheus.ts";

const COLUMNS = 24;

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: ReadonlyArray<{ readonly refId: string; readonly expr: string }>;
}

const path = join(import.meta.dirname, "../../../../docs/grafana/everboot.json");
const dashboard: { readonly panels: readonly Panel[]; readonly templating: unknown } = JSON.parse(
  readFileSync(path, "utf8"),
);
const expressions = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
/** As Grafana fills them in. */
const filled = expressions.map(({ expr }) => expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*"));

test("every query speaks of metrics and labels that there are", () => {
  assert.ok(expressions.length > 20);
  assert.deepEqual(
    expressions.flatMap(({ title, expr }) => strangersIn(expr).map((stranger) => `${title}: ${stranger}`)),
    [],
  );
  assert.deepEqual(strangersIn(JSON.stringify(dashboard.templating)), []);
});

test("promtool understands every query", { skip: PROMTOOL.obstacle ?? false }, () => {
  const rules = filled.map((expr, index) => ({ record: `panel:${index}`, expr }));
  const { code, output } = withFile({ groups: [{ name: "panels", rules }] }, (file) =>
    runJudge(PROMTOOL.path, ["check", "rules", file]),
  );
  assert.equal(code, 0, output);
});

test("a figure of the whole site is never summed over servers that each tell all of it", () => {
  const ofSite = Object.entries(METRICS).filter(([, { of }]) => of === "site");
  const wrong = expressions.filter(
    ({ expr }) =>
      ofSite.some(([name]) => expr.includes(name)) && !/^(max|histogram_quantile\([\d.]+, max) by/.test(expr),
  );
  assert.deepEqual(wrong, []);
});

test("panels have ids and places of their own, and say what they show", () => {
  const { panels } = dashboard;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Set<string>();
  for (const { title, type, description, gridPos } of panels) {
    assert.ok(gridPos.x + gridPos.w <= COLUMNS, title);
    if (type !== "row") assert.ok(description, title);
    for (const cell of cellsOf(gridPos)) {
      assert.ok(!taken.has(cell), `${title} lies over another panel`);
      taken.add(cell);
    }
  }
});

function cellsOf({ x, y, w, h }: Panel["gridPos"]): string[] {
  return Array.from({ length: w * h }, (_, place) => `${x + (place % w)} ${y + Math.floor(place / w)}`);
}
