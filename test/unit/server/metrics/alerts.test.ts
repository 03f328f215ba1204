/** docs/alerts: sound by Prometheus' own judge, about metrics that there are, and each rule fires for what it is there for. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { runJudge } from "../../../support/judges.ts";
import { PROMTOOL, strangersIn, withFile } from "../../../support/prometheus.ts";

const RULES = join(import.meta.dirname, "../../../../docs/alerts/everboot.rules.yaml");
const skip = PROMTOOL.obstacle ?? false;

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const rules: readonly Rule[] = parse(readFileSync(RULES, "utf8")).groups.flatMap(
  (group: { readonly rules: readonly Rule[] }) => group.rules,
);

interface Case {
  readonly alert: string;
  /** By selector, in promtool's notation, a value a minute. */
  readonly series: Readonly<Record<string, string>>;
  readonly quietAt: string;
  readonly firesAt: string;
  /** Of the alert, beside its severity. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: string;
}

/** All is well for four minutes. */
const ONE_SERVER = { instance: "one:8080" };
const HOLDER = "everboot_floating_address_holder";
const STATE = 'everboot_store_state{instance="one:8080",state=';

const CASES: readonly Case[] = [
  {
    alert: "EverbootSilent",
    series: { 'everboot_build_info{version="1"}': "1 1 1 1 1 stale" },
    ...{ quietAt: "4m", firesAt: "8m", labels: {} },
  },
  {
    alert: "EverbootServerDown",
    series: { 'everboot_peer_alive{instance="one:8080",peer="two"}': "1x4 0x10" },
    ...{ quietAt: "4m", firesAt: "7m", labels: { peer: "two" } },
  },
  {
    alert: "EverbootAddressNotHeld",
    series: {
      [`${HOLDER}{instance="one:8080",address="192.168.0.253",holder="one"}`]: "1x4 0x10",
      [`${HOLDER}{instance="one:8080",address="192.168.0.253",holder="two"}`]: "0x14",
      [`${HOLDER}{instance="one:8080",address="192.168.0.254",holder="two"}`]: "1x14",
    },
    ...{ quietAt: "4m", firesAt: "6m", labels: { address: "192.168.0.253" } },
  },
  {
    alert: "EverbootAddressHeldTwice",
    series: {
      [`${HOLDER}{instance="one:8080",address="192.168.0.253",holder="one"}`]: "1x14",
      [`${HOLDER}{instance="two:8080",address="192.168.0.253",holder="two"}`]: "0x4 1x10",
    },
    ...{ quietAt: "4m", firesAt: "7m", labels: { address: "192.168.0.253" } },
  },
  {
    alert: "EverbootAddressRestless",
    series: {
      [`${HOLDER}{instance="one:8080",address="192.168.0.253",holder="one"}`]: "1x4 0 1 0 1 0 1 0 1",
      [`${HOLDER}{instance="one:8080",address="192.168.0.254",holder="one"}`]: "1x4 0x8",
    },
    ...{ quietAt: "7m", firesAt: "12m", labels: { address: "192.168.0.253" } },
  },
  {
    alert: "EverbootListenerDeaf",
    series: { 'everboot_listeners_answering{instance="one:8080"}': "1x4 0x10" },
    ...{ quietAt: "4m", firesAt: "6m", labels: ONE_SERVER },
  },
  {
    alert: "EverbootForgedMessages",
    series: { 'everboot_drops_total{instance="one:8080",protocol="peers",reason="forged"}': "0x4 3x10" },
    ...{ quietAt: "4m", firesAt: "6m", labels: { ...ONE_SERVER, protocol: "peers", reason: "forged" } },
  },
  {
    alert: "EverbootDrainedForLong",
    series: { 'everboot_draining{instance="one:8080"}': "0x4 1x2000" },
    ...{ quietAt: "20h", firesAt: "25h", labels: ONE_SERVER },
  },
  {
    alert: "EverbootSiteFilesDiffer",
    series: {
      'everboot_site_info{instance="one:8080",site="lab",revision="a"}': "1x30",
      'everboot_site_info{instance="two:8080",site="lab",revision="a"}': "1x4 stale",
      'everboot_site_info{instance="two:8080",site="lab",revision="b"}': "_x4 1x26",
    },
    ...{ quietAt: "8m", firesAt: "20m", labels: { site: "lab" } },
  },
  {
    alert: "EverbootNoQuorum",
    series: { [`${STATE}"away"}`]: "0x4 1x10", [`${STATE}"current"}`]: "1x4 0x10" },
    ...{ quietAt: "4m", firesAt: "6m", labels: { ...ONE_SERVER, state: "away" } },
  },
  {
    alert: "EverbootStateBehind",
    series: { [`${STATE}"catching-up"}`]: "0x4 1x10", [`${STATE}"current"}`]: "1x4 0x10" },
    ...{ quietAt: "5m", firesAt: "8m", labels: { ...ONE_SERVER, state: "catching-up" } },
  },
  {
    alert: "EverbootOutboxWaits",
    series: { 'everboot_store_outbox_facts{instance="one:8080"}': "0x4 2x10" },
    ...{ quietAt: "8m", firesAt: "11m", labels: ONE_SERVER },
  },
  {
    alert: "EverbootPairWaits",
    series: { 'everboot_pair_state{instance="one:8080",state="waiting"}': "0x4 1x10" },
    ...{ quietAt: "4m", firesAt: "7m", labels: { ...ONE_SERVER, state: "waiting" } },
  },
  {
    alert: "EverbootPairAlone",
    series: { 'everboot_pair_state{instance="one:8080",state="sole"}': "0x4 1x20" },
    ...{ quietAt: "13m", firesAt: "16m", labels: { ...ONE_SERVER, state: "sole" } },
  },
  {
    alert: "EverbootStateNotWritable",
    series: { 'everboot_state_writable{instance="one:8080"}': "1x4 0x10" },
    ...{ quietAt: "4m", firesAt: "6m", labels: ONE_SERVER },
  },
  {
    alert: "EverbootStateSlow",
    series: {
      'everboot_disk_commit_duration_seconds_bucket{instance="one:8080",le="0.5"}': "0+60x10 600x40",
      'everboot_disk_commit_duration_seconds_bucket{instance="one:8080",le="1"}': "0+60x50",
      'everboot_disk_commit_duration_seconds_bucket{instance="one:8080",le="+Inf"}': "0+60x50",
    },
    ...{ quietAt: "10m", firesAt: "30m", labels: ONE_SERVER },
  },
  {
    alert: "EverbootJournalWaits",
    series: { 'everboot_journal_unsaved_events{instance="one:8080"}': "0x4 9x10" },
    ...{ quietAt: "8m", firesAt: "11m", labels: ONE_SERVER },
  },
  {
    alert: "EverbootJournalLost",
    series: { 'everboot_journal_lost_events_total{instance="one:8080"}': "0x4 9x10" },
    ...{ quietAt: "4m", firesAt: "6m", labels: ONE_SERVER },
  },
  {
    alert: "EverbootInstallStalled",
    series: {
      'everboot_hosts{instance="one:8080",state="stalled"}': "0x4 3x10",
      'everboot_hosts{instance="two:8080",state="stalled"}': "0x4 3x10",
    },
    ...{ quietAt: "4m", firesAt: "7m", labels: {}, value: "3" },
  },
  {
    alert: "EverbootInstallFailed",
    series: { 'everboot_hosts{instance="one:8080",state="failed"}': "0x4 2x10" },
    ...{ quietAt: "4m", firesAt: "6m", labels: {}, value: "2" },
  },
  {
    alert: "EverbootNetworkDiffers",
    series: { 'everboot_hosts{instance="one:8080",state="differs"}': "0x4 1x10" },
    ...{ quietAt: "4m", firesAt: "6m", labels: {}, value: "1" },
  },
  {
    alert: "EverbootQueueLong",
    series: { 'everboot_admission_waiting{instance="one:8080"}': "0x4 7x90" },
    ...{ quietAt: "50m", firesAt: "70m", labels: ONE_SERVER },
  },
  {
    alert: "EverbootForeignDhcp",
    series: { 'everboot_drops_total{instance="one:8080",protocol="dhcp",reason="other-server"}': "0x4 1x30" },
    ...{ quietAt: "4m", firesAt: "6m", labels: { ...ONE_SERVER, protocol: "dhcp", reason: "other-server" } },
  },
  {
    alert: "EverbootAddressInUse",
    series: { 'everboot_dhcp_notes_total{instance="one:8080",type="decline"}': "0x4 1x30" },
    ...{ quietAt: "4m", firesAt: "6m", labels: { ...ONE_SERVER, type: "decline" } },
  },
  {
    alert: "EverbootDrops",
    series: {
      'everboot_drops_total{instance="one:8080",protocol="http",listener="192.168.0.11",reason="unreadable"}':
        "0x4 0+30x30",
      'everboot_drops_total{instance="one:8080",protocol="dhcp",reason="unknown-host"}': "0+600x30",
    },
    ...{ quietAt: "8m", firesAt: "15m", labels: { ...ONE_SERVER, protocol: "http", reason: "unreadable" } },
  },
  {
    alert: "EverbootEventLoopSlow",
    series: {
      'everboot_event_loop_lag_seconds_bucket{instance="one:8080",le="0.25"}': "0+240x10 2400x20",
      'everboot_event_loop_lag_seconds_bucket{instance="one:8080",le="0.5"}': "0+240x30",
      'everboot_event_loop_lag_seconds_bucket{instance="one:8080",le="+Inf"}': "0+240x30",
    },
    ...{ quietAt: "10m", firesAt: "25m", labels: ONE_SERVER },
  },
];

test("promtool finds the rules sound", { skip }, () => {
  const { code, output } = runJudge(PROMTOOL.path, ["check", "rules", RULES]);
  assert.equal(code, 0, output);
  assert.match(output, new RegExp(`SUCCESS: ${rules.length} rules found`));
});

test("the rules speak of metrics and labels that there are", () => {
  assert.deepEqual(
    rules.flatMap(({ alert, expr }) => strangersIn(expr).map((stranger) => `${alert}: ${stranger}`)),
    [],
  );
});

test("each rule says what is wrong and what to do, and has its case here", () => {
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity, /^(critical|warning)$/, alert);
    assert.ok(annotations.summary && annotations.description, alert);
  }
  assert.deepEqual(
    CASES.map(({ alert }) => alert),
    rules.map(({ alert }) => alert),
  );
});

for (const each of CASES) {
  test(`${each.alert} fires when it should, and not before`, { skip }, () => {
    const rule = rules.find(({ alert }) => alert === each.alert);
    assert.ok(rule);
    const { alert: alertname, series, quietAt, firesAt, labels, value } = each;
    const fill = (text: string) =>
      text.replace(/\{\{ \$(?:labels\.(\w+)|value) \}\}/g, (_, label) => labels[label] ?? value ?? "");
    const annotations = { summary: fill(rule.annotations.summary), description: fill(rule.annotations.description) };
    const fired = { exp_labels: { ...rule.labels, ...labels }, exp_annotations: annotations };
    const tests = {
      rule_files: [RULES],
      evaluation_interval: "10s",
      tests: [
        {
          interval: "1m",
          input_series: Object.entries(series).map(([selector, values]) => ({ series: selector, values })),
          alert_rule_test: [
            { eval_time: quietAt, alertname, exp_alerts: [] },
            { eval_time: firesAt, alertname, exp_alerts: [fired] },
          ],
        },
      ],
    };
    const { code, output } = withFile(tests, (path) => runJudge(PROMTOOL.path, ["test", "rules", path]));
    assert.equal(code, 0, output);
  });
}
