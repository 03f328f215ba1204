/** Every metric: what docs/metrics.md, the alert rules and the dashboard speak of. */

export interface Definition {
  readonly type: "counter" | "gauge" | "histogram";
  /** One line, without a full stop. */
  readonly help: string;
  readonly labels: readonly string[];
  /**
   * `server`: told by each server of itself, so that sums over servers make sense. `site`: each server tells the same, as
   * far as it knows: take the maximum.
   */
  readonly of: "server" | "site";
}

const SERVING = {
  everboot_requests_total: {
    type: "counter",
    help: "Requests taken, HTTP and TFTP",
    labels: ["protocol", "listener"],
    of: "server",
  },
  everboot_sent_bytes_total: {
    type: "counter",
    help: "Bytes sent to machines: HTTP bodies, TFTP packets with their repetitions",
    labels: ["protocol", "listener"],
    of: "server",
  },
  everboot_transfers_under_way: {
    type: "gauge",
    help: "Downloads that are being sent",
    labels: ["protocol", "listener"],
    of: "server",
  },
  everboot_drops_total: {
    type: "counter",
    help: "Messages and requests left without an answer, or with a broken one, by reason",
    labels: ["protocol", "listener", "reason"],
    of: "server",
  },
  everboot_dhcp_replies_total: {
    type: "counter",
    help: "DHCP replies sent, by type: offer, ack, nak, inform",
    labels: ["type"],
    of: "server",
  },
  everboot_dhcp_notes_total: {
    type: "counter",
    help: "DHCP messages that want no answer: a decline (address in use), a release",
    labels: ["type"],
    of: "server",
  },
  everboot_dhcp_answer_duration_seconds: {
    type: "histogram",
    help: "From a DHCP message to the reply that is sent",
    labels: [],
    of: "server",
  },
  everboot_http_responses_total: {
    type: "counter",
    help: "HTTP answers, by status code",
    labels: ["listener", "code"],
    of: "server",
  },
  everboot_http_answer_duration_seconds: {
    type: "histogram",
    help: "Until it is known what to answer by HTTP; route `files`, or the pattern of a route, as that of reports",
    labels: ["listener", "route"],
    of: "server",
  },
  everboot_http_request_duration_seconds: {
    type: "histogram",
    help: "From an HTTP request until the client has the whole answer: as fast as the client takes it",
    labels: ["listener"],
    of: "server",
  },
  everboot_tftp_transfers_total: {
    type: "counter",
    help: "TFTP transfers that ended, by outcome",
    labels: ["listener", "outcome"],
    of: "server",
  },
  everboot_tftp_errors_total: {
    type: "counter",
    help: "TFTP ERROR packets sent, by reason",
    labels: ["listener", "reason"],
    of: "server",
  },
  everboot_tftp_transfer_duration_seconds: {
    type: "histogram",
    help: "TFTP transfers that reached their end",
    labels: ["listener"],
    of: "server",
  },
  everboot_dns_answers_total: {
    type: "counter",
    help: "DNS answers, by their code",
    labels: ["listener", "rcode"],
    of: "server",
  },
  everboot_dns_forwards_total: {
    type: "counter",
    help: "DNS questions about names of others, by where their answer came from or why there is none",
    labels: ["listener", "outcome"],
    of: "server",
  },
  everboot_dns_answer_duration_seconds: {
    type: "histogram",
    help: "From a DNS query to its answer; way `own` or `forward`",
    labels: ["listener", "way"],
    of: "server",
  },
  everboot_syslog_messages_total: {
    type: "counter",
    help: "Log lines received from installers, by transport",
    labels: ["listener", "transport"],
    of: "server",
  },
  everboot_events_total: {
    type: "counter",
    help: "Whatever else the servers count, by name",
    labels: ["protocol", "listener", "event"],
    of: "server",
  },
} as const satisfies Record<string, Definition>;

const INSTALLING = {
  everboot_hosts: { type: "gauge", help: "Hosts of the site file, by state", labels: ["state"], of: "site" },
  everboot_permits: {
    type: "gauge",
    help: "Newest permit of each host that has one, by state",
    labels: ["state"],
    of: "site",
  },
  everboot_install_results_total: {
    type: "counter",
    help: "Ends of installs since this server started: installed, failed; then verified, differs",
    labels: ["family", "result"],
    of: "site",
  },
  everboot_stage_duration_seconds: {
    type: "histogram",
    help: "Stages of installs that came to an end, well or not, by OS family",
    labels: ["family", "stage"],
    of: "site",
  },
  everboot_admission_waiting: {
    type: "gauge",
    help: "Machines that wait at this server to be let in",
    labels: [],
    of: "server",
  },
  everboot_admission_decisions_total: {
    type: "counter",
    help: "Answers to machines that want to install: let-in, told-to-wait; and lost-place (stopped asking)",
    labels: ["decision"],
    of: "server",
  },
} as const satisfies Record<string, Definition>;

const CLUSTER = {
  everboot_peer_alive: {
    type: "gauge",
    help: "1 = this other server is heard from here",
    labels: ["peer"],
    of: "server",
  },
  everboot_floating_address_holder: {
    type: "gauge",
    help: "1 = this server is known here to hold the floating address; 0 for all = nobody is known to",
    labels: ["address", "holder"],
    of: "site",
  },
  everboot_draining: { type: "gauge", help: "1 = this server is being taken out of service", labels: [], of: "server" },
  everboot_store_state: {
    type: "gauge",
    help: "1 for the state of this server's copy of the common state: away (etcd does not answer or has no quorum), catching-up, current",
    labels: ["state"],
    of: "server",
  },
  everboot_store_lag_seconds: {
    type: "gauge",
    help: "Since the common state was last reached; 0 = it is now",
    labels: [],
    of: "server",
  },
  everboot_store_position: {
    type: "gauge",
    help: "Revision of the common state that this server's copy has reached",
    labels: [],
    of: "server",
  },
  everboot_store_outbox_facts: {
    type: "gauge",
    help: "Facts that wait here to be told to the cluster",
    labels: [],
    of: "server",
  },
  everboot_pair_state: {
    type: "gauge",
    help: "1 for the state of a pair without a third machine: paired, sole, waiting",
    labels: ["state"],
    of: "server",
  },
} as const satisfies Record<string, Definition>;

const STATE = {
  everboot_state_writable: {
    type: "gauge",
    help: "0 = this server's state folder cannot be written",
    labels: [],
    of: "server",
  },
  everboot_listeners_answering: {
    type: "gauge",
    help: "0 = an HTTP or TFTP listener of this server does not answer itself",
    labels: [],
    of: "server",
  },
  everboot_store_commit_duration_seconds: {
    type: "histogram",
    help: "Until a change of permits, journal or leases is durable; in a cluster, there",
    labels: [],
    of: "server",
  },
  everboot_disk_commit_duration_seconds: {
    type: "histogram",
    help: "Until a change is on this server's own disk, with its sync",
    labels: [],
    of: "server",
  },
  everboot_journal_unsaved_events: {
    type: "gauge",
    help: "Events that wait to be written again because the store was away",
    labels: [],
    of: "server",
  },
  everboot_journal_write_failures_total: {
    type: "counter",
    help: "Writes of the journal that failed, each try counted",
    labels: [],
    of: "server",
  },
  everboot_journal_lost_events_total: {
    type: "counter",
    help: "Events given up because too many waited to be written",
    labels: [],
    of: "server",
  },
} as const satisfies Record<string, Definition>;

const PROCESS = {
  everboot_build_info: {
    type: "gauge",
    help: "1, with the versions of Everboot and of Node.js",
    labels: ["version", "node"],
    of: "server",
  },
  everboot_site_info: {
    type: "gauge",
    help: "1, with the site, this server's name and the revision of the site file that it serves by",
    labels: ["site", "server", "revision"],
    of: "server",
  },
  everboot_event_loop_lag_seconds: {
    type: "histogram",
    help: "How late a timer comes that is due four times a second: what every answer waits at the least",
    labels: [],
    of: "server",
  },
  process_cpu_seconds_total: { type: "counter", help: "CPU time of the daemon", labels: [], of: "server" },
  process_resident_memory_bytes: { type: "gauge", help: "Memory of the daemon", labels: [], of: "server" },
  process_heap_bytes: { type: "gauge", help: "Memory in use by JavaScript objects", labels: [], of: "server" },
  process_start_time_seconds: {
    type: "gauge",
    help: "When the daemon was started, since 1970",
    labels: [],
    of: "server",
  },
} as const satisfies Record<string, Definition>;

/** By the part that they tell of: the headings of docs/metrics.md. */
export const METRIC_GROUPS = {
  Serving: SERVING,
  Installing: INSTALLING,
  Cluster: CLUSTER,
  State: STATE,
  Process: PROCESS,
} as const;

export const METRICS = { ...SERVING, ...INSTALLING, ...CLUSTER, ...STATE, ...PROCESS } as const;

export type MetricName = keyof typeof METRICS;
