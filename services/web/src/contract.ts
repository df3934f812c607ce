// Made from heddle/contract by `python -m heddle.contract.typescript`: do not edit.

/** A remote call; the two optional members only carry types and are never there. */
export interface Procedure<Request, Reply> {
  readonly uri: string;
  readonly calledBy: readonly Role[];
  readonly request?: Request;
  readonly reply?: Reply;
}

/** A stream of events; the optional member only carries its type. */
export interface Topic<Event> {
  readonly uri: string;
  readonly event?: Event;
}

/** Bytes as WAMP's JSON carries them: U+0000, then base64. */
export type Packed = string;

export const SYSTEM_REALM = "system";

/**
 * Do something about alarms of a device: those named, all or none of them; or,
 * with none named, about every one for which it makes sense.
 */
export interface AlarmCommand {
  readonly device: string;
  readonly alarms?: readonly string[] | null;
  readonly comment?: string;
  readonly until_ms?: number | null;
}

/** Transitions that were just recorded. */
export interface AlarmEntries {
  readonly entries: readonly AlarmEntry[];
}

/** A transition as fleetdata recorded it; ids grow, with gaps. */
export interface AlarmEntry {
  readonly id: number;
  readonly device: string;
  readonly place: AlarmPlace;
  readonly transition: AlarmTransition;
}

/** Spans of ten minutes one after the other with too many alarms. */
export interface AlarmFlood {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly annunciated: number;
}

/** A page of the journal. */
export interface AlarmJournal {
  readonly entries: readonly AlarmEntry[];
  readonly more: number | null;
}

/** Ask for transitions in [from_ms, to_ms), the newest first. */
export interface AlarmJournalQuery {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly device?: string | null;
  readonly alarm?: string | null;
  readonly before?: number | null;
  readonly limit?: number;
}

/** What an alarm watches for. */
export type AlarmKind = "hihi" | "hi" | "lo" | "lolo" | "boolean" | "deviation" | "rate" | "stale" | "quality";
export const AlarmKind = {
  HIHI: "hihi",
  HI: "hi",
  LO: "lo",
  LOLO: "lolo",
  BOOLEAN: "boolean",
  DEVIATION: "deviation",
  RATE: "rate",
  STALE: "stale",
  QUALITY: "quality",
} as const;

/** Key figures of ISA-18.2 and EEMUA 191. */
export interface AlarmKpis {
  readonly annunciated: number;
  readonly per_hour: readonly number[];
  readonly average_per_10_min: number;
  readonly peak_per_10_min: number;
  readonly floods: readonly AlarmFlood[];
  readonly in_flood: number;
  readonly chattering: readonly AlarmRef[];
  readonly stale: readonly AlarmRef[];
  readonly top: readonly FrequentAlarm[];
  readonly by_severity: Readonly<Record<string, number>>;
}

/** Ask for key figures of [from_ms, to_ms), 31 days at most. */
export interface AlarmKpisQuery {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly device?: string | null;
}

/** What asks for attention first, the most urgent first; then what is hidden. */
export interface AlarmList {
  readonly alarms: readonly AlarmReport[];
  readonly by_state: Readonly<Record<string, number>>;
  readonly unacknowledged: number;
}

/** Where an alarm is judged. */
export type AlarmPlace = "centre" | "edge";
export const AlarmPlace = {
  CENTRE: "centre",
  EDGE: "edge",
} as const;

/** An alarm by its name. */
export interface AlarmRef {
  readonly device: string;
  readonly alarm: string;
}

/** How an alarm stands. */
export interface AlarmReport {
  readonly device: string;
  readonly alarm: string;
  readonly tag: string;
  readonly state: AlarmState;
  readonly severity: number;
  readonly place: AlarmPlace;
  readonly since_ms: number;
  readonly raised_at_ms: number | null;
  readonly value: number | null;
  readonly first: boolean;
  readonly who: string | null;
  readonly comment: string | null;
  readonly shelved_until_ms: number | null;
  readonly text: string;
  readonly kind: AlarmKind | null;
}

/** One alarm on one tag. Which fields a kind has is told in the manual. */
export interface AlarmRule {
  readonly device: string;
  readonly alarm: string;
  readonly tag: string;
  readonly kind: AlarmKind;
  readonly place: AlarmPlace;
  readonly limit: number | null;
  readonly setpoint: number | null;
  readonly when: boolean | null;
  readonly after_ms: number | null;
  readonly uncertain: boolean | null;
  readonly deadband: number | null;
  readonly on_delay_ms: number;
  readonly off_delay_ms: number;
  readonly re_alarm_ms: number;
  readonly severity: AlarmSeverity;
  readonly latching: boolean;
  readonly group: string;
  readonly text: string;
}

/** Rules, by device and alarm. */
export interface AlarmRuleList {
  readonly rules: readonly AlarmRule[];
}

/** ISA-18.2's priorities; in transitions 200, 500, 700 and 900 of OPC UA's 1000. */
export type AlarmSeverity = "low" | "medium" | "high" | "critical";
export const AlarmSeverity = {
  LOW: "low",
  MEDIUM: "medium",
  HIGH: "high",
  CRITICAL: "critical",
} as const;

/** The states of ISA-18.2. */
export type AlarmState = "normal" | "unacknowledged" | "acknowledged" | "returned" | "latched_unacknowledged" | "latched_acknowledged" | "shelved" | "suppressed" | "out_of_service";
export const AlarmState = {
  NORMAL: "normal",
  UNACKNOWLEDGED: "unacknowledged",
  ACKNOWLEDGED: "acknowledged",
  RETURNED: "returned",
  LATCHED_UNACKNOWLEDGED: "latched_unacknowledged",
  LATCHED_ACKNOWLEDGED: "latched_acknowledged",
  SHELVED: "shelved",
  SUPPRESSED: "suppressed",
  OUT_OF_SERVICE: "out_of_service",
} as const;

/** One step of one alarm; the states are those of ISA-18.2. */
export interface AlarmTransition {
  readonly alarm: string;
  readonly tag: string;
  readonly at_us: number;
  readonly cause: string;
  readonly before: string;
  readonly after: string;
  readonly severity: number;
  readonly value: number | null;
  readonly who: string | null;
  readonly comment: string | null;
  readonly number: number | null;
  readonly until_ms: number | null;
  readonly first: boolean;
}

/** The transitions that came of it, in order. */
export interface AlarmsMoved {
  readonly transitions: readonly AlarmTransition[];
}

/** Ask for the alarms that are not normal, of one device or of all. */
export interface AlarmsQuery {
  readonly device?: string | null;
  readonly limit?: number;
}

/** Give the approval an active APPROVAL listener waits for. */
export interface ApproveRun {
  readonly run: string;
  readonly listener?: string | null;
  readonly comment?: string;
}

/** Ask a device how it is. */
export type AskDevice = Readonly<Record<string, never>>;

/** What was done to a flow on the device. */
export type ChangeKind = "saved" | "removed";
export const ChangeKind = {
  SAVED: "saved",
  REMOVED: "removed",
} as const;

/** What the centre made of a change. */
export type ChangeOutcome = "taken" | "conflict";
export const ChangeOutcome = {
  TAKEN: "taken",
  CONFLICT: "conflict",
} as const;

/** Make a one-time enrolment code for a device to come. */
export interface CreateCode {
  readonly device?: string | null;
  readonly kind?: DeviceKind;
  readonly valid_s?: number;
}

/** Make a project with its realm and database. */
export interface CreateProject {
  readonly project: string;
  readonly name?: string;
}

/** Add a person to the present project, making the user where there is none. */
export interface CreateUser {
  readonly user: string;
  readonly role: Role;
  readonly password?: string | null;
}

/**
 * Take a device out of the project.
 *
 * Its history stays. An offline device cannot be told; `force` does without it.
 */
export interface Decommission {
  readonly device: string;
  readonly force?: boolean;
}

/** The device is no longer of the project; its key opens nothing. */
export interface Decommissioned {
  readonly told: boolean;
}

/** A device with its last announcement. */
export interface DeviceDetail {
  readonly report: DeviceReport;
  readonly facts: HostFacts | null;
  readonly tags: readonly Tag[];
}

/** A device as it sees itself now. */
export interface DeviceInfo {
  readonly device: string;
  readonly version: string;
  readonly at_ms: number;
  readonly started_at_ms: number;
  readonly facts: HostFacts;
  readonly memory_bytes: number;
  readonly disk_bytes: number;
  readonly disk_free_bytes: number;
  readonly outbox: readonly Waiting[];
  readonly outbox_bytes: number;
  readonly flows: readonly InstalledFlow[];
  readonly links: readonly LinkReport[];
  readonly tags: number;
  readonly bad_tags: number;
}

/** What a device is made of. */
export type DeviceKind = "edge" | "virtual";
export const DeviceKind = {
  EDGE: "edge",
  VIRTUAL: "virtual",
} as const;

/** The project's devices, by id. */
export interface DeviceList {
  readonly devices: readonly DeviceReport[];
}

/** A device and how it stands. */
export interface DeviceReport {
  readonly device: string;
  readonly kind: DeviceKind;
  readonly online: boolean;
  readonly enrolled_at_ms: number;
  readonly last_seen_at_ms: number | null;
  readonly version: string | null;
  readonly runtime: Runtime | null;
}

/** A code that one key may redeem once. */
export interface EnrolmentCode {
  readonly code: string;
  readonly device: string;
  readonly expires_at_ms: number;
}

/** One life of a stream: the items 0 to `next_number - 1` are stored. */
export interface Epoch {
  readonly stream: Stream;
  readonly epoch: string;
  readonly state: EpochState;
  readonly next_number: number;
  readonly expired: number;
  readonly changed_at_ms: number;
}

/** How one life of a stream's numbers stands. */
export type EpochState = "open" | "closed" | "unexplained";
export const EpochState = {
  OPEN: "open",
  CLOSED: "closed",
  UNEXPLAINED: "unexplained",
} as const;

/** What stands in a bucket without samples. */
export type Fill = "none" | "null" | "previous";
export const Fill = {
  NONE: "none",
  NULL: "null",
  PREVIOUS: "previous",
} as const;

/** The project's flows, by id. */
export interface FlowList {
  readonly flows: readonly FlowSummary[];
}

/** How a flow stands on a device. */
export type FlowState = "starting" | "ready" | "failed" | "stopped";
export const FlowState = {
  STARTING: "starting",
  READY: "ready",
  FAILED: "failed",
  STOPPED: "stopped",
} as const;

/** A flow without its workflow. */
export interface FlowSummary {
  readonly flow: string;
  readonly name: string;
  readonly version: number;
  readonly saved_at_ms: number;
  readonly saved_by: string;
}

/** One version of a flow with its workflow. */
export interface FlowVersion {
  readonly flow: string;
  readonly name: string;
  readonly version: number;
  readonly saved_at_ms: number;
  readonly saved_by: string;
  readonly definition: Readonly<Record<string, unknown>>;
}

/** One of the ten alarms that came most often. */
export interface FrequentAlarm {
  readonly device: string;
  readonly alarm: string;
  readonly annunciated: number;
  readonly share: number;
}

/**
 * The proof of completeness: what is stored, and every loss there is.
 *
 * Within an epoch nothing can be missing, for a batch that skips numbers is refused.
 * `complete` says: no loss in the range, and no unexplained end.
 */
export interface Gaps {
  readonly device: string;
  readonly complete: boolean;
  readonly epochs: readonly Epoch[];
  readonly losses: readonly Loss[];
}

/** Ask what is missing of a device, in a time range or at all. */
export interface GapsQuery {
  readonly device: string;
  readonly from_ms?: number | null;
  readonly to_ms?: number | null;
}

/** Ask for one device. */
export interface GetDevice {
  readonly device: string;
}

/** Ask for one version of a flow, the newest when `version` is absent. */
export interface GetFlow {
  readonly flow: string;
  readonly version?: number | null;
}

/** History of several tags. */
export interface History {
  readonly device: string;
  readonly series: readonly Series[];
  readonly next_page: string | null;
}

/**
 * Ask for samples in [from_ms, to_ms), raw or in buckets aligned to unix time.
 *
 * More rows than `limit` are an error for buckets. Raw samples come in pages: where
 * `next_page` of the answer is given, ask again with it as `page`.
 */
export interface HistoryQuery {
  readonly device: string;
  readonly tags: readonly string[];
  readonly from_ms: number;
  readonly to_ms: number;
  readonly bucket_ms?: number | null;
  readonly limit?: number;
  readonly fill?: Fill;
  readonly page?: string | null;
}

/** What the agent found out about its host. */
export interface HostFacts {
  readonly hostname: string;
  readonly os: string;
  readonly arch: string;
  readonly cpus: number;
  readonly memory_bytes: number;
  readonly python: string;
  readonly docker: string | null;
}

/** Install a flow version; replaces another version of the same flow. */
export interface InstallFlow {
  readonly flow: string;
  readonly version: number;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly running?: boolean;
}

/** A flow on a device. */
export interface InstalledFlow {
  readonly flow: string;
  readonly version: number;
  readonly runtime: Runtime;
  readonly state: FlowState;
  readonly detail: string;
  readonly engine: string;
}

/** All flows on a device, by id. */
export interface InstalledFlows {
  readonly flows: readonly InstalledFlow[];
}

/** The device's public key from now on, 64 hex digits. */
export interface KeyRotated {
  readonly public_key: string;
}

/** The newest value of each tag, by tag. */
export interface Latest {
  readonly device: string;
  readonly values: ValueColumns;
}

/** Ask for the newest value of some tags, or of all. */
export interface LatestQuery {
  readonly device: string;
  readonly tags?: readonly string[] | null;
}

/** A connection to a peer. */
export interface LinkReport {
  readonly connection: string;
  readonly connected: boolean;
  readonly tags: number;
  readonly bad_tags: number;
  readonly detail: string;
}

/** Ask for the rules of one device, or of all. */
export interface ListAlarmRules {
  readonly device?: string | null;
}

/** Ask for all devices of the project. */
export type ListDevices = Readonly<Record<string, never>>;

/** Ask for all flows of the project. */
export type ListFlows = Readonly<Record<string, never>>;

/** Ask for all installed flows. */
export type ListInstalled = Readonly<Record<string, never>>;

/** Ask for the newest changes made on devices; all of them, or of one alone. */
export interface ListLocalChanges {
  readonly device?: string | null;
  readonly flow?: string | null;
  readonly most?: number;
}

/** Ask for all targets. */
export type ListNoticeTargets = Readonly<Record<string, never>>;

/** Ask for the projects: a person's own, or all for a service. */
export type ListProjects = Readonly<Record<string, never>>;

/** Ask for the people of the present project. */
export type ListUsers = Readonly<Record<string, never>>;

/** A listener that is active now. */
export interface ListenerReport {
  readonly listener: string;
  readonly type: string;
  readonly phase: string | null;
  readonly due_at_ms: number | null;
  readonly remaining_ms: number | null;
}

/** The newest stored value of each series that moved since the last message. */
export interface LiveValues {
  readonly device: string;
  readonly values: ValueColumns;
}

/** One change made on a device, and what the centre decided. */
export interface LocalChange {
  readonly device: string;
  readonly change: string;
  readonly flow: string;
  readonly kind: ChangeKind;
  readonly base: number;
  readonly outcome: ChangeOutcome;
  readonly version: number;
  readonly changed_at_ms: number;
  readonly decided_at_ms: number;
}

/** Changes made on devices, newest decision first. */
export interface LocalChangeList {
  readonly changes: readonly LocalChange[];
}

/** How grave a line is; asking for one gives it and what is graver. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "critical";
export const LogLevel = {
  DEBUG: "debug",
  INFO: "info",
  WARN: "warn",
  ERROR: "error",
  CRITICAL: "critical",
} as const;

/** One line; of a traceback, all of it. */
export interface LogLine {
  readonly at_ms: number;
  readonly level: LogLevel;
  readonly origin: string;
  readonly text: string;
}

/** Lines, oldest first. */
export interface LogLines {
  readonly lines: readonly LogLine[];
  readonly kept_since_ms: number;
}

/**
 * Items that left an outbox unsent, or were refused for good: a recorded fact.
 *
 * With a loss the epoch ends: `first` is the number at which it broke off and
 * `count` how many items are gone from there on; 0 tells of an end without loss.
 */
export interface Loss {
  readonly stream: Stream;
  readonly epoch: string;
  readonly first: number;
  readonly count: number;
  readonly reason: string;
  readonly at_ms: number;
  readonly from_ms: number | null;
  readonly to_ms: number | null;
}

/** The target has taken it. */
export interface NoticeTaken {
  readonly target: string;
}

/** Whom to tell of what. Exactly one of `url` and `mail` is given. */
export interface NoticeTarget {
  readonly target: string;
  readonly url: string | null;
  readonly mail: readonly string[];
  readonly secret: string | null;
  readonly min_severity: AlarmSeverity;
  readonly device: string | null;
  readonly cleared: boolean;
}

/** Targets, by name. */
export interface NoticeTargetList {
  readonly targets: readonly NoticeTargetReport[];
}

/** A target without its secret, and how its notices fare. */
export interface NoticeTargetReport {
  readonly target: NoticeTarget;
  readonly has_secret: boolean;
  readonly waiting: number;
  readonly given_up: number;
  readonly error: string | null;
}

/** A signed-in person chooses a project; their only one when absent. */
export interface OpenSession {
  readonly project?: string | null;
}

/** A device came or went. Going is told by the router when the link is lost. */
export interface Presence {
  readonly online: boolean;
}

/** A project. */
export interface Project {
  readonly project: string;
  readonly name: string;
}

/** Projects, by id. */
export interface ProjectList {
  readonly projects: readonly Project[];
}

/** Ask for engine images and containers that nothing needs to be removed. */
export type PruneImages = Readonly<Record<string, never>>;

/** What that gave. */
export interface Pruned {
  readonly freed_bytes: number;
}

/** Ask for the newest lines of a device's log, or of an engine's. */
export interface ReadLog {
  readonly flow?: string | null;
  readonly tail?: number;
  readonly since_ms?: number;
  readonly level?: LogLevel;
}

/** Remove rules of a device, with their alarms. */
export interface RemoveAlarmRules {
  readonly device: string;
  readonly alarms: readonly string[];
  readonly comment?: string;
}

/** Remove a flow and its engine; refused while a run of it is active. */
export interface RemoveFlow {
  readonly flow: string;
}

/** Remove targets, and the notices that wait for them. */
export interface RemoveNoticeTargets {
  readonly targets: readonly string[];
}

/** The flow is gone from the device. */
export interface Removed {
  readonly flow: string;
}

/** Ask for a fresh ticket for the present project. */
export type RenewSession = Readonly<Record<string, never>>;

/** Ask the agent to end and start anew; engines in containers go on meanwhile. */
export type RestartAgent = Readonly<Record<string, never>>;

/** It will do so at once. */
export type Restarting = Readonly<Record<string, never>>;

/** Who a session is, as the router authenticated it. */
export type Role = "backend" | "fleetdata" | "gatekeeper" | "agent" | "enrolling" | "person" | "owner" | "operator" | "viewer";
export const Role = {
  BACKEND: "backend",
  FLEETDATA: "fleetdata",
  GATEKEEPER: "gatekeeper",
  AGENT: "agent",
  ENROLLING: "enrolling",
  PERSON: "person",
  OWNER: "owner",
  OPERATOR: "operator",
  VIEWER: "viewer",
} as const;

/** Ask the device to make itself a new key; it joins anew with it. */
export type RotateKey = Readonly<Record<string, never>>;

/** Events of one run, in order. */
export interface RunEvents {
  readonly run: string;
  readonly flow: string;
  readonly version: number;
  readonly events: readonly WorkflowEvent[];
}

/** Ask for a run's events from `first` upwards, in order. */
export interface RunEventsQuery {
  readonly device: string;
  readonly run: string;
  readonly first?: number;
  readonly limit?: number;
}

/** Runs of one device, newest first. */
export interface RunList {
  readonly runs: readonly RunReport[];
}

/** Ask for one run, or for all the device knows, newest first. */
export interface RunQuery {
  readonly run?: string | null;
}

/** Names one run of this device. */
export interface RunRef {
  readonly run: string;
}

/** The state of one run. */
export interface RunReport {
  readonly run: string;
  readonly flow: string;
  readonly version: number;
  readonly status: RunStatus;
  readonly started_at_ms: number | null;
  readonly ended_at_ms: number | null;
  readonly active_phases: readonly string[];
  readonly listening: readonly ListenerReport[];
  readonly activations: Readonly<Record<string, number>>;
  readonly events: number;
  readonly active_since_ms: readonly number[];
}

/** Where a run stands. */
export type RunStatus = "ready" | "running" | "paused" | "stopping" | "finished" | "terminated";
export const RunStatus = {
  READY: "ready",
  RUNNING: "running",
  PAUSED: "paused",
  STOPPING: "stopping",
  FINISHED: "finished",
  TERMINATED: "terminated",
} as const;

/** Where a flow's engine runs. */
export type Runtime = "container" | "process";
export const Runtime = {
  CONTAINER: "container",
  PROCESS: "process",
} as const;

/** Save a workflow as the flow's next version; an equal definition makes none. */
export interface SaveFlow {
  readonly flow: string;
  readonly name?: string;
  readonly definition: Readonly<Record<string, unknown>>;
}

/** Tell a target something now, once, to see whether it gets through. */
export interface SendTestNotice {
  readonly target: string;
}

/**
 * One tag's history as columns; raw series have only `at_ms, mean, quality`.
 *
 * For buckets `at_ms` is the bucket's start; bad samples do not count. Text and JSON
 * have `text` in place of `mean`; of a bucket it is the last, beside `count`.
 */
export interface Series {
  readonly tag: string;
  readonly unit: string;
  readonly at_ms: readonly number[];
  readonly mean: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  readonly first: readonly (number | null)[];
  readonly last: readonly (number | null)[];
  readonly count: readonly number[];
  readonly quality: readonly number[];
  readonly text: readonly (string | null)[];
  readonly type: TagType;
}

/**
 * A short-lived ticket to join a project's realm with authmethod `ticket`.
 *
 * It is a JWT signed with the backend's ed25519 key (EdDSA), with the claims
 * `sub` user, `project`, `role` and `exp`; its audience is `heddle`.
 */
export interface SessionTicket {
  readonly user: string;
  readonly project: string;
  readonly realm: string;
  readonly role: Role;
  readonly ticket: string;
  readonly expires_at_ms: number;
}

/** Make or change rules, all or none. */
export interface SetAlarmRules {
  readonly rules: readonly AlarmRule[];
  readonly comment?: string;
}

/** Make or change targets, all or none. A secret left out stays as it is. */
export interface SetNoticeTargets {
  readonly targets: readonly NoticeTarget[];
}

/** Start a flow that is installed on this device. */
export interface StartRun {
  readonly flow: string;
  readonly run?: string | null;
}

/** How a run is stopped. */
export type StopMode = "soft" | "hard";
export const StopMode = {
  SOFT: "soft",
  HARD: "hard",
} as const;

/** Stop one run. */
export interface StopRun {
  readonly run: string;
  readonly mode?: StopMode;
}

/** A numbered stream of a device's outbox. */
export type Stream = "samples" | "run_events" | "alarms" | "losses";
export const Stream = {
  SAMPLES: "samples",
  RUN_EVENTS: "run_events",
  ALARMS: "alarms",
  LOSSES: "losses",
} as const;

/** A named process value of a device. */
export interface Tag {
  readonly tag: string;
  readonly unit: string;
  readonly type: TagType;
  readonly writable: boolean;
  readonly node: string | null;
}

/** What a tag's value is. */
export type TagType = "float" | "integer" | "boolean" | "text" | "json";
export const TagType = {
  FLOAT: "float",
  INTEGER: "integer",
  BOOLEAN: "boolean",
  TEXT: "text",
  JSON: "json",
} as const;

/** Current values of a device, live: one entry per tag that moved. */
export interface Telemetry {
  readonly at_ms: number;
  readonly tags: readonly string[];
  readonly values: readonly (number | boolean | string | null)[];
  readonly quality: readonly number[];
}

/** Fire an active listener by hand; its event says `forced: true`. */
export interface TriggerListener {
  readonly run: string;
  readonly listener: string;
}

/** A person in the present project. */
export interface User {
  readonly user: string;
  readonly role: Role;
}

/** People, by name. */
export interface UserList {
  readonly users: readonly User[];
}

/**
 * Newest values, one for each series, as packed little-endian columns (typed
 * arrays, RFC 8746) as long as `tags`; `at`, `value`, `quality` and `texts`
 * are those of `SampleColumns`.
 *
 * `unit` uint16 indexes into `units`, `type` uint8 into `types`; `at` int64
 * unix microseconds UTC; `value` float64, NaN for none, of text and JSON an index
 * into `texts`; `quality` uint8.
 */
export interface ValueColumns {
  readonly tags: readonly string[];
  readonly units: readonly string[];
  readonly types: readonly TagType[];
  readonly unit: Packed;
  readonly type: Packed;
  readonly at: Packed;
  readonly value: Packed;
  readonly quality: Packed;
  readonly texts: readonly string[];
}

/** How much of a stream waits in the outbox. */
export interface Waiting {
  readonly stream: string;
  readonly items: number;
}

/**
 * One event of a run, in the shape of OSPIN 004, "Events".
 *
 * `number` counts from 0 without gaps per run: the order and the dedupe key.
 */
export interface WorkflowEvent {
  readonly id: string;
  readonly type: string;
  readonly createdAt: number;
  readonly number: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Start a run of an installed flow. */
export const START_RUN: Procedure<StartRun, RunReport> = {
  uri: "heddle.device.{device}.run.start",
  calledBy: ["operator", "owner"],
};

/** Hold a run; timers keep their exact remainder. */
export const PAUSE_RUN: Procedure<RunRef, RunReport> = {
  uri: "heddle.device.{device}.run.pause",
  calledBy: ["operator", "owner"],
};

/** Let a paused run go on. */
export const RESUME_RUN: Procedure<RunRef, RunReport> = {
  uri: "heddle.device.{device}.run.resume",
  calledBy: ["operator", "owner"],
};

/** Stop a run, softly or at once. */
export const STOP_RUN: Procedure<StopRun, RunReport> = {
  uri: "heddle.device.{device}.run.stop",
  calledBy: ["operator", "owner"],
};

/** Give an awaited approval. */
export const APPROVE_RUN: Procedure<ApproveRun, RunReport> = {
  uri: "heddle.device.{device}.run.approve",
  calledBy: ["operator", "owner"],
};

/** Fire an active listener by hand. */
export const TRIGGER_LISTENER: Procedure<TriggerListener, RunReport> = {
  uri: "heddle.device.{device}.run.trigger",
  calledBy: ["operator", "owner"],
};

/** The state of one run, or of every run the device knows. */
export const RUN_STATUS: Procedure<RunQuery, RunList> = {
  uri: "heddle.device.{device}.run.status",
  calledBy: ["operator", "owner", "viewer"],
};

/** Install a flow version on a device and start its engine. */
export const INSTALL_FLOW: Procedure<InstallFlow, InstalledFlow> = {
  uri: "heddle.device.{device}.flow.install",
  calledBy: ["operator", "owner"],
};

/** Remove a flow and its engine from a device. */
export const REMOVE_FLOW: Procedure<RemoveFlow, Removed> = {
  uri: "heddle.device.{device}.flow.remove",
  calledBy: ["operator", "owner"],
};

/** The flows installed on a device. */
export const LIST_INSTALLED: Procedure<ListInstalled, InstalledFlows> = {
  uri: "heddle.device.{device}.flow.list",
  calledBy: ["operator", "owner", "viewer"],
};

/** Check a workflow and keep it as the flow's next version. */
export const SAVE_FLOW: Procedure<SaveFlow, FlowVersion> = {
  uri: "heddle.backend.flow.save",
  calledBy: ["operator", "owner"],
};

/** One version of a flow. */
export const GET_FLOW: Procedure<GetFlow, FlowVersion> = {
  uri: "heddle.backend.flow.get",
  calledBy: ["operator", "owner", "viewer"],
};

/** All flows of the project. */
export const LIST_FLOWS: Procedure<ListFlows, FlowList> = {
  uri: "heddle.backend.flow.list",
  calledBy: ["operator", "owner", "viewer"],
};

/** Changes made on devices, and what was decided. */
export const LIST_LOCAL_CHANGES: Procedure<ListLocalChanges, LocalChangeList> = {
  uri: "heddle.backend.local_change.list",
  calledBy: ["operator", "owner", "viewer"],
};

/** Make a one-time enrolment code. */
export const CREATE_CODE: Procedure<CreateCode, EnrolmentCode> = {
  uri: "heddle.backend.enrolment.create",
  calledBy: ["operator", "owner"],
};

/** All devices of the project and whether they are online. */
export const LIST_DEVICES: Procedure<ListDevices, DeviceList> = {
  uri: "heddle.backend.device.list",
  calledBy: ["operator", "owner", "viewer"],
};

/** One device with its last announcement. */
export const GET_DEVICE: Procedure<GetDevice, DeviceDetail> = {
  uri: "heddle.backend.device.get",
  calledBy: ["operator", "owner", "viewer"],
};

/** The newest lines of the agent's log, or of a flow's engine. */
export const READ_LOG: Procedure<ReadLog, LogLines> = {
  uri: "heddle.device.{device}.log.read",
  calledBy: ["operator", "owner"],
};

/** How a device is: host, disk, outbox, flows, connections. */
export const DEVICE_INFO: Procedure<AskDevice, DeviceInfo> = {
  uri: "heddle.device.{device}.info",
  calledBy: ["operator", "owner", "viewer"],
};

/** End the agent and start it anew. */
export const RESTART_AGENT: Procedure<RestartAgent, Restarting> = {
  uri: "heddle.device.{device}.restart",
  calledBy: ["operator", "owner"],
};

/** Remove engine images that nothing needs. */
export const PRUNE_IMAGES: Procedure<PruneImages, Pruned> = {
  uri: "heddle.device.{device}.prune",
  calledBy: ["operator", "owner"],
};

/** Have a device make itself a new key; the old one is void then. */
export const ROTATE_KEY: Procedure<RotateKey, KeyRotated> = {
  uri: "heddle.device.{device}.key.rotate",
  calledBy: ["operator", "owner"],
};

/** Take a device out of the project: it is told, and its key is revoked. */
export const DECOMMISSION: Procedure<Decommission, Decommissioned> = {
  uri: "heddle.backend.device.decommission",
  calledBy: ["operator", "owner"],
};

/** What of a device's streams is stored, and what was lost. */
export const GAPS: Procedure<GapsQuery, Gaps> = {
  uri: "heddle.fleetdata.gaps",
  calledBy: ["operator", "owner", "viewer"],
};

/** The newest value of each tag. */
export const LATEST: Procedure<LatestQuery, Latest> = {
  uri: "heddle.fleetdata.latest",
  calledBy: ["operator", "owner", "viewer"],
};

/** Samples of a time range, raw or bucketed. */
export const HISTORY: Procedure<HistoryQuery, History> = {
  uri: "heddle.fleetdata.history",
  calledBy: ["operator", "owner", "viewer"],
};

/** The stored events of a run. */
export const RUN_EVENTS: Procedure<RunEventsQuery, RunEvents> = {
  uri: "heddle.fleetdata.run_events",
  calledBy: ["operator", "owner", "viewer"],
};

/** Make or change alarm rules, all or none. An alarm outlives a change of its limits; with another tag, kind or place it begins anew. */
export const SET_ALARM_RULES: Procedure<SetAlarmRules, AlarmRuleList> = {
  uri: "heddle.fleetdata.alarm.rule.set",
  calledBy: ["operator", "owner"],
};

/** Remove alarm rules, all or none; the reply is what was removed. */
export const REMOVE_ALARM_RULES: Procedure<RemoveAlarmRules, AlarmRuleList> = {
  uri: "heddle.fleetdata.alarm.rule.remove",
  calledBy: ["operator", "owner"],
};

/** Alarm rules. A device gets its own, of those it is to judge itself. */
export const LIST_ALARM_RULES: Procedure<ListAlarmRules, AlarmRuleList> = {
  uri: "heddle.fleetdata.alarm.rule.list",
  calledBy: ["operator", "owner", "viewer"],
};

/** All alarms that are not normal, with counts. */
export const ACTIVE_ALARMS: Procedure<AlarmsQuery, AlarmList> = {
  uri: "heddle.fleetdata.alarm.active",
  calledBy: ["operator", "owner", "viewer"],
};

/** Transitions of a time range, page by page, the newest first. */
export const ALARM_JOURNAL: Procedure<AlarmJournalQuery, AlarmJournal> = {
  uri: "heddle.fleetdata.alarm.journal",
  calledBy: ["operator", "owner", "viewer"],
};

/** Key figures of a time range. */
export const ALARM_KPIS: Procedure<AlarmKpisQuery, AlarmKpis> = {
  uri: "heddle.fleetdata.alarm.kpis",
  calledBy: ["operator", "owner", "viewer"],
};

/** An operator has seen them. */
export const ACKNOWLEDGE_ALARMS: Procedure<AlarmCommand, AlarmsMoved> = {
  uri: "heddle.fleetdata.alarm.acknowledge",
  calledBy: ["operator", "owner"],
};

/** Hide alarms until a given time; it ends on time. */
export const SHELVE_ALARMS: Procedure<AlarmCommand, AlarmsMoved> = {
  uri: "heddle.fleetdata.alarm.shelve",
  calledBy: ["operator", "owner"],
};

/** End a shelving before its time. */
export const UNSHELVE_ALARMS: Procedure<AlarmCommand, AlarmsMoved> = {
  uri: "heddle.fleetdata.alarm.unshelve",
  calledBy: ["operator", "owner"],
};

/** By design: they have no meaning as the plant is run now. */
export const SUPPRESS_ALARMS: Procedure<AlarmCommand, AlarmsMoved> = {
  uri: "heddle.fleetdata.alarm.suppress",
  calledBy: ["operator", "owner"],
};

/** They have a meaning again. */
export const UNSUPPRESS_ALARMS: Procedure<AlarmCommand, AlarmsMoved> = {
  uri: "heddle.fleetdata.alarm.unsuppress",
  calledBy: ["operator", "owner"],
};

/** For maintenance, until they are returned to service. */
export const TAKE_ALARMS_OUT_OF_SERVICE: Procedure<AlarmCommand, AlarmsMoved> = {
  uri: "heddle.fleetdata.alarm.out_of_service",
  calledBy: ["operator", "owner"],
};

/** Maintenance is over. */
export const RETURN_ALARMS_TO_SERVICE: Procedure<AlarmCommand, AlarmsMoved> = {
  uri: "heddle.fleetdata.alarm.return_to_service",
  calledBy: ["operator", "owner"],
};

/** Release the latch of what has returned and is acknowledged. */
export const RESET_ALARMS: Procedure<AlarmCommand, AlarmsMoved> = {
  uri: "heddle.fleetdata.alarm.reset",
  calledBy: ["operator", "owner"],
};

/** Put a remark into the journal. */
export const COMMENT_ALARMS: Procedure<AlarmCommand, AlarmsMoved> = {
  uri: "heddle.fleetdata.alarm.comment",
  calledBy: ["operator", "owner"],
};

/** Make or change whom alarms are told to, by webhook or e-mail. */
export const SET_NOTICE_TARGETS: Procedure<SetNoticeTargets, NoticeTargetList> = {
  uri: "heddle.fleetdata.alarm.notify.set",
  calledBy: ["owner"],
};

/** Remove whom alarms are told to; the reply is what is left. */
export const REMOVE_NOTICE_TARGETS: Procedure<RemoveNoticeTargets, NoticeTargetList> = {
  uri: "heddle.fleetdata.alarm.notify.remove",
  calledBy: ["owner"],
};

/** Whom alarms are told to, and what waits or was given up. */
export const LIST_NOTICE_TARGETS: Procedure<ListNoticeTargets, NoticeTargetList> = {
  uri: "heddle.fleetdata.alarm.notify.list",
  calledBy: ["operator", "owner", "viewer"],
};

/** Send a target a notice of an alarm that is none; the reply comes when it was taken. */
export const SEND_TEST_NOTICE: Procedure<SendTestNotice, NoticeTaken> = {
  uri: "heddle.fleetdata.alarm.notify.test",
  calledBy: ["owner"],
};

/** A ticket for one of the caller's projects. */
export const OPEN_SESSION: Procedure<OpenSession, SessionTicket> = {
  uri: "heddle.backend.session.open",
  calledBy: ["person"],
};

/** A fresh ticket for the present project. */
export const RENEW_SESSION: Procedure<RenewSession, SessionTicket> = {
  uri: "heddle.backend.session.renew",
  calledBy: ["operator", "owner", "viewer"],
};

/** Make a project; the caller becomes its owner. Administrators only. */
export const CREATE_PROJECT: Procedure<CreateProject, Project> = {
  uri: "heddle.backend.project.create",
  calledBy: ["person"],
};

/** The caller's projects; all of them for a service. */
export const LIST_PROJECTS: Procedure<ListProjects, ProjectList> = {
  uri: "heddle.backend.project.list",
  calledBy: ["person"],
};

/** Add a person to the project. */
export const CREATE_USER: Procedure<CreateUser, User> = {
  uri: "heddle.backend.user.create",
  calledBy: ["owner"],
};

/** The people of the project. */
export const LIST_USERS: Procedure<ListUsers, UserList> = {
  uri: "heddle.backend.user.list",
  calledBy: ["owner"],
};

/** What happens in the runs of a device, live; history is in fleetdata. */
export const RUN_EVENT: Topic<RunEvents> = { uri: "heddle.device.{device}.run.event" };

/** A device came online or went; offline is its testament. */
export const PRESENCE: Topic<Presence> = { uri: "heddle.device.{device}.presence" };

/** Current values, at most ten times a second; may be dropped. */
export const TELEMETRY: Topic<Telemetry> = { uri: "heddle.device.{device}.telemetry" };

/** What is stored of a device, once a second and conflated: for dashboards. Subscribe first, then ask for the latest values; of two the newer counts. */
export const LIVE: Topic<LiveValues> = { uri: "heddle.fleetdata.live.{device}" };

/** Transitions of a device's alarms, wherever they are judged, once they are recorded. */
export const ALARM_TRANSITIONS: Topic<AlarmEntries> = { uri: "heddle.fleetdata.alarm.transition.{device}" };

/** The URIs of declared errors. */
export const ERRORS = {
  /** The device has no such alarm. */
  AlarmNotFound: "heddle.error.alarm_not_found",
  /** Rules are refused; `details["flaws"]` is all that is wrong with them. */
  AlarmRulesInvalid: "heddle.error.alarm_rules_invalid",
  /** The code's time has passed. */
  CodeExpired: "heddle.error.enrolment_code_expired",
  /** No such enrolment code was ever made. */
  CodeUnknown: "heddle.error.enrolment_code_unknown",
  /** Another key has redeemed this code. */
  CodeUsed: "heddle.error.enrolment_code_used",
  /** The project already has a device of this id. */
  DeviceExists: "heddle.error.device_exists",
  /** The project has no such device. */
  DeviceNotFound: "heddle.error.device_not_found",
  /** The device that judges the alarm does not answer; nothing was done. */
  DeviceOffline: "heddle.error.device_offline",
  /** The flow's engine does not answer; the agent is restarting it. */
  EngineUnavailable: "heddle.error.engine_unavailable",
  /** The workflow breaks rules; `details["findings"]` lists each `Finding`. */
  FlowInvalid: "heddle.error.flow_invalid",
  /** The project has no such flow (or version). */
  FlowNotFound: "heddle.error.flow_not_found",
  /** The flow was never installed on this device. */
  FlowNotInstalled: "heddle.error.flow_not_installed",
  /** A defect on the serving side; the sentence carries only a log reference. */
  InternalError: "heddle.error.internal",
  /** An id is not `[a-z0-9_]{1,64}`. */
  InvalidId: "heddle.error.invalid_id",
  /** The request does not have the declared shape; the sentence names the field. */
  InvalidRequest: "heddle.error.invalid_request",
  /** It is no ed25519 public key, or another's. */
  KeyInvalid: "heddle.error.key_invalid",
  /** The key is a device's, but of another project than the realm asked for. */
  KeyOfAnotherProject: "heddle.error.key_of_another_project",
  /** The key is neither a device's nor a service's. */
  KeyUnknown: "heddle.error.key_unknown",
  /** The listener named (or any fitting one) is not active now. */
  ListenerNotActive: "heddle.error.listener_not_active",
  /** User or password is wrong; which of them is not told. */
  LoginRefused: "heddle.error.login_refused",
  /** The backend, which knows the passwords, does not answer now; try again. */
  LoginUnavailable: "heddle.error.login_unavailable",
  /** The caller is known but may not do this. */
  NotPermitted: "heddle.error.not_permitted",
  /** The target did not take the notice; the sentence tells why. */
  NoticeNotTaken: "heddle.error.notice_not_taken",
  /** There is no such target of notices. */
  NoticeTargetNotFound: "heddle.error.notice_target_not_found",
  /** A project of this id is there already. */
  ProjectExists: "heddle.error.project_exists",
  /** There is no such project, or the caller is not in it. */
  ProjectNotFound: "heddle.error.project_not_found",
  /** The realm asked for is neither the system realm nor a project's. */
  RealmUnknown: "heddle.error.realm_unknown",
  /** The flow already has an active run on this device. */
  RunAlreadyActive: "heddle.error.run_already_active",
  /** The device already has a run of this id. */
  RunExists: "heddle.error.run_exists",
  /** The device knows no such run. */
  RunNotFound: "heddle.error.run_not_found",
  /** The run is paused and heeds only resume, stop and status. */
  RunPaused: "heddle.error.run_paused",
  /** A batch skips numbers; `details["wanted"]` is the number to go on with. */
  SequenceGap: "heddle.error.sequence_gap",
  /** The device's disk is full; the request changed nothing. Make room, ask again. */
  StorageFull: "heddle.error.storage_full",
  /** The database does not answer, or is busy; try again, nothing was stored. */
  StorageUnavailable: "heddle.error.storage_unavailable",
  /** The ticket is expired, not the backend's, or for another user or project. */
  TicketInvalid: "heddle.error.ticket_invalid",
  /** Too many wrong passwords; `details["retry_in_s"]` says when to try again. */
  TooManyAttempts: "heddle.error.too_many_attempts",
  /** The answer would exceed the limit; ask for buckets or a shorter range. */
  TooManyRows: "heddle.error.too_many_rows",
  /** What the device has measured is not delivered yet; wait, or force. */
  UndeliveredData: "heddle.error.undelivered_data",
  /** The person is in the project already. */
  UserExists: "heddle.error.user_exists",
  /** It makes no sense in the alarm's state; the sentence tells the way out. */
  WrongAlarmState: "heddle.error.wrong_alarm_state",
  /** The command makes no sense in the run's present state. */
  WrongRunState: "heddle.error.wrong_run_state",
} as const;
