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

/** Join the project of a code: as oneself, when signed in. */
export interface AcceptInvitation {
  readonly code: string;
}

/** What becomes of runs that are active when a release arrives. */
export type ActiveRuns = "finish" | "stop" | "hand_over";
export const ActiveRuns = {
  FINISH: "finish",
  STOP: "stop",
  HAND_OVER: "hand_over",
} as const;

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

/** A key for programs; it acts as `key_<id>` with a role of its own. */
export interface ApiKey {
  readonly key: string;
  readonly name: string;
  readonly role: Role;
  readonly created_by: string;
  readonly created_at_ms: number;
  readonly last_used_at_ms: number | null;
  readonly expires_at_ms: number | null;
  readonly token: string;
}

/** Keys that are not revoked, by name. */
export interface ApiKeyList {
  readonly keys: readonly ApiKey[];
}

/** Give the approval an active APPROVAL listener waits for. */
export interface ApproveRun {
  readonly run?: string | null;
  readonly flow?: string | null;
  readonly listener?: string | null;
  readonly comment?: string;
  readonly key?: string | null;
  readonly by?: string | null;
}

/** Ask a device how it is. */
export type AskDevice = Readonly<Record<string, never>>;

/**
 * One thing done or refused.
 *
 * `hash` is sha256 over the entry's canonical JSON, `previous` included.
 */
export interface AuditEntry {
  readonly number: number;
  readonly at_ms: number;
  readonly actor: string;
  readonly role: string;
  readonly action: string;
  readonly subject: string;
  readonly outcome: AuditOutcome;
  readonly details: Readonly<Record<string, unknown>>;
  readonly request_id: string;
  readonly previous: string;
  readonly hash: string;
}

/** What became of it. */
export type AuditOutcome = "done" | "refused";
export const AuditOutcome = {
  DONE: "done",
  REFUSED: "refused",
} as const;

/** Entries, newest first. */
export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  readonly more: boolean;
}

/** Whether the chain holds; if not, where it breaks first. */
export interface AuditVerdict {
  readonly holds: boolean;
  readonly entries: number;
  readonly head: string;
  readonly broken_at: number | null;
  readonly detail: string;
}

/** Something a simulated run waits for. */
export interface Awaited {
  readonly element: string;
  readonly words: string;
  readonly due_at_ms: number | null;
}

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

/** Choose another password; all other sessions of the caller end. */
export interface ChangePassword {
  readonly old: string;
  readonly new: string;
}

/** Give a person another role in the project. */
export interface ChangeRole {
  readonly user: string;
  readonly role: Role;
}

/** What became of a part of a workflow. */
export type ChangeWord = "added" | "removed" | "changed";
export const ChangeWord = {
  ADDED: "added",
  REMOVED: "removed",
  CHANGED: "changed",
} as const;

/** Ask for the verdict on a workflow; its variables have their defaults. */
export interface CheckFlow {
  readonly definition: Readonly<Record<string, unknown>>;
}

/** One flaw or doubt. `steps`: a shortest way there, where soundness found one. */
export interface CheckedFinding {
  readonly rule: string;
  readonly gravity: Gravity;
  readonly element: string | null;
  readonly message: string;
  readonly steps: readonly PlayedStep[];
}

/** Copy one version of a flow, the newest when absent, into a new flow. */
export interface CloneFlow {
  readonly flow: string;
  readonly to: string;
  readonly version?: number | null;
  readonly name?: string;
}

/** Make a key for a program; its secret is shown once. */
export interface CreateApiKey {
  readonly name: string;
  readonly role: Role;
  readonly valid_s?: number | null;
}

/** Make a one-time enrolment code for a device to come. */
export interface CreateCode {
  readonly device?: string | null;
  readonly kind?: DeviceKind;
  readonly valid_s?: number;
}

/** Make a deployment of a release; it starts when told, or at `start_at_ms`. */
export interface CreateDeployment {
  readonly flow: string;
  readonly version?: number | null;
  readonly strategy?: StrategyKind;
  readonly targets: Targets;
  readonly config?: StrategyConfig;
  readonly active_runs?: ActiveRuns;
  readonly start_run?: boolean;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly label_variables?: readonly LabelVariables[];
  readonly device_variables?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly start?: boolean;
  readonly start_at_ms?: number | null;
  readonly note?: string;
  readonly key?: string | null;
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

/** A dashboard as it stands. */
export interface Dashboard {
  readonly dashboard: string;
  readonly title: string;
  readonly description: string;
  readonly span_ms: number;
  readonly panels: readonly DashboardPanel[];
  readonly revision: number;
  readonly created_at_ms: number;
  readonly created_by: string;
  readonly changed_at_ms: number;
  readonly changed_by: string;
}

/** It is gone. */
export interface DashboardDeleted {
  readonly dashboard: string;
}

/** Dashboards, by id. */
export interface DashboardList {
  readonly dashboards: readonly DashboardSummary[];
  readonly more: boolean;
}

/** One panel: `x` and `w` in columns, `y` and `h` in rows of the grid. */
export interface DashboardPanel {
  readonly panel: string;
  readonly kind: PanelKind;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  readonly title: string;
  readonly series: readonly PanelSeries[];
  readonly labels: string | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly unit: string;
}

/** Names a dashboard. */
export interface DashboardRef {
  readonly dashboard: string;
}

/** A dashboard without its panels. */
export interface DashboardSummary {
  readonly dashboard: string;
  readonly title: string;
  readonly description: string;
  readonly panels: number;
  readonly revision: number;
  readonly created_by: string;
  readonly changed_at_ms: number;
  readonly changed_by: string;
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

/** Delete a dashboard; only who made it and owners of the project may. */
export interface DeleteDashboard {
  readonly dashboard: string;
  readonly if_revision?: number | null;
}

/** It is gone. */
export interface Deleted {
  readonly flow: string;
}

/** A deployment with a page of its targets, by id. */
export interface DeploymentDetail {
  readonly report: DeploymentReport;
  readonly targets: readonly TargetReport[];
  readonly more: boolean;
}

/** What happened, oldest first. */
export interface DeploymentHistory {
  readonly entries: readonly HistoryEntry[];
  readonly more: boolean;
}

/** Deployments, newest first. */
export interface DeploymentList {
  readonly deployments: readonly DeploymentReport[];
  readonly more: boolean;
}

/** A deployment moved; at most some times a second, the newest state. */
export interface DeploymentMoved {
  readonly deployment: string;
  readonly status: DeploymentStatus;
  readonly counts: Readonly<Record<string, number>>;
  readonly wave: number;
  readonly waves: number;
  readonly detail: string;
  readonly revision: number;
}

/** The waves, in order. */
export interface DeploymentPreview {
  readonly waves: readonly WavePreview[];
  readonly config: StrategyConfig;
}

/** Names a deployment. */
export interface DeploymentRef {
  readonly deployment: string;
  readonly reason?: string;
}

/** A deployment without its targets. */
export interface DeploymentReport {
  readonly deployment: string;
  readonly flow: string;
  readonly version: number;
  readonly content_hash: string;
  readonly strategy: StrategyKind;
  readonly status: DeploymentStatus;
  readonly detail: string;
  readonly total: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly wave: number;
  readonly waves: number;
  readonly config: StrategyConfig;
  readonly targets: Targets;
  readonly active_runs: ActiveRuns;
  readonly start_run: boolean;
  readonly note: string;
  readonly created_at_ms: number;
  readonly created_by: string;
  readonly started_at_ms: number | null;
  readonly ended_at_ms: number | null;
  readonly start_at_ms: number | null;
  readonly approved_by: string | null;
  readonly next_at_ms: number | null;
  readonly revision: number;
}

/** Where a deployment stands. */
export type DeploymentStatus = "pending" | "running" | "paused" | "completed" | "failed" | "rolling_back" | "rolled_back" | "cancelled";
export const DeploymentStatus = {
  PENDING: "pending",
  RUNNING: "running",
  PAUSED: "paused",
  COMPLETED: "completed",
  FAILED: "failed",
  ROLLING_BACK: "rolling_back",
  ROLLED_BACK: "rolled_back",
  CANCELLED: "cancelled",
} as const;

/** How far a device is. */
export interface DeviceDeployment {
  readonly deployment: string;
  readonly flow: string;
  readonly version: number;
  readonly stage: DeviceStage;
  readonly detail: string;
  readonly former_version: number | null;
  readonly engine_restarts: number;
  readonly run: string | null;
  readonly run_status: string | null;
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
  readonly outbox_oldest_ms: number | null;
}

/** What a device is made of. */
export type DeviceKind = "edge" | "virtual";
export const DeviceKind = {
  EDGE: "edge",
  VIRTUAL: "virtual",
} as const;

/** A device's labels. */
export interface DeviceLabels {
  readonly device: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The project's devices, by id. */
export interface DeviceList {
  readonly devices: readonly DeviceReport[];
  readonly more: boolean;
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
  readonly labels: Readonly<Record<string, string>>;
}

/** How far a device is with a deployment. */
export type DeviceStage = "preparing" | "waiting" | "ready" | "active" | "failed" | "reverting" | "reverted" | "settled";
export const DeviceStage = {
  PREPARING: "preparing",
  WAITING: "waiting",
  READY: "ready",
  ACTIVE: "active",
  FAILED: "failed",
  REVERTING: "reverting",
  REVERTED: "reverted",
  SETTLED: "settled",
} as const;

/** Ask what changed from one version of a flow to another. */
export interface DiffFlow {
  readonly flow: string;
  readonly before?: number | null;
  readonly after?: number | null;
}

/** End a session: its ticket is void, its connections are cut. */
export interface EndSession {
  readonly session: string;
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

/** Ask which tags devices have, as they announced them last. */
export interface FindTags {
  readonly search?: string;
  readonly tag?: string | null;
  readonly device?: string | null;
  readonly labels?: string | null;
  readonly after?: string;
  readonly most?: number;
}

/** One flaw of a workflow, by upstream's rule name. */
export interface Finding {
  readonly rule: string;
  readonly element: string | null;
  readonly message: string;
}

/** Have many devices do the same with their active run of a flow, or start one. */
export interface FleetCommand {
  readonly verb: FleetVerb;
  readonly flow: string;
  readonly targets: Targets;
  readonly mode?: StopMode;
  readonly listener?: string | null;
  readonly comment?: string;
  readonly within_ms?: number;
  readonly key?: string | null;
}

/** What became of a command on one device. */
export type FleetOutcome = "done" | "refused" | "offline" | "timed_out";
export const FleetOutcome = {
  DONE: "done",
  REFUSED: "refused",
  OFFLINE: "offline",
  TIMED_OUT: "timed_out",
} as const;

/** One device's answer. */
export interface FleetResult {
  readonly device: string;
  readonly outcome: FleetOutcome;
  readonly run: RunReport | null;
  readonly error: string | null;
  readonly detail: string;
}

/** Every device's answer, by id. */
export interface FleetResults {
  readonly results: readonly FleetResult[];
  readonly counts: Readonly<Record<string, number>>;
}

/** What can be told to many devices in one call. */
export type FleetVerb = "start" | "pause" | "resume" | "stop" | "approve";
export const FleetVerb = {
  START: "start",
  PAUSE: "pause",
  RESUME: "resume",
  STOP: "stop",
  APPROVE: "approve",
} as const;

/** What changed between two versions. */
export interface FlowDiff {
  readonly flow: string;
  readonly before: number;
  readonly after: number;
  readonly changes: readonly PartChange[];
}

/** The project's flows, by id. */
export interface FlowList {
  readonly flows: readonly FlowSummary[];
  readonly more: boolean;
}

/** Names a flow. */
export interface FlowRef {
  readonly flow: string;
  readonly if_revision?: number | null;
}

/** Where a flow stands in its life (EdgeFlow 002, "Flow Lifecycle"). */
export type FlowStage = "draft" | "published" | "archived";
export const FlowStage = {
  DRAFT: "draft",
  PUBLISHED: "published",
  ARCHIVED: "archived",
} as const;

/** How a flow stands after a change of its stage. */
export interface FlowStanding {
  readonly flow: string;
  readonly stage: FlowStage;
  readonly revision: number;
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
  readonly stage: FlowStage;
  readonly published_version: number | null;
  readonly description: string;
  readonly labels: readonly string[];
  readonly revision: number;
  readonly created_at_ms: number;
  readonly created_by: string;
}

/** What is to be said of a workflow; errors come first. */
export interface FlowVerdict {
  readonly valid: boolean;
  readonly findings: readonly CheckedFinding[];
  readonly proved: readonly string[];
}

/** One version of a flow with its workflow. */
export interface FlowVersion {
  readonly flow: string;
  readonly name: string;
  readonly version: number;
  readonly saved_at_ms: number;
  readonly saved_by: string;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly stage: FlowStage;
  readonly published: boolean;
  readonly description: string;
  readonly labels: readonly string[];
  readonly revision: number;
  readonly created_at_ms: number;
  readonly created_by: string;
  readonly findings: readonly Finding[];
}

/** A tag and the devices that have it. */
export interface FoundTag {
  readonly tag: string;
  readonly unit: string;
  readonly type: TagType;
  readonly writable: boolean;
  readonly devices: readonly string[];
  readonly count: number;
}

/** Tags by name; one that devices have with several units stands there for each. */
export interface FoundTags {
  readonly tags: readonly FoundTag[];
  readonly more: boolean;
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

/** Ask for one deployment and its targets. */
export interface GetDeployment {
  readonly deployment: string;
  readonly status?: TargetStatus | null;
  readonly after?: string;
  readonly most?: number;
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

/** Ask what happened in a deployment, oldest first. */
export interface GetHistory {
  readonly deployment: string;
  readonly after?: number;
  readonly most?: number;
}

/** Ask for one release, the newest when `version` is absent. */
export interface GetRelease {
  readonly flow: string;
  readonly version?: number | null;
}

/** What a finding means for publishing. */
export type Gravity = "error" | "warning";
export const Gravity = {
  ERROR: "error",
  WARNING: "warning",
} as const;

/** History of several tags. */
export interface History {
  readonly device: string;
  readonly series: readonly Series[];
  readonly next_page: string | null;
}

/** One thing that happened. */
export interface HistoryEntry {
  readonly number: number;
  readonly at_ms: number;
  readonly device: string | null;
  readonly what: string;
  readonly detail: string;
  readonly by: string;
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
  readonly release?: SignedRelease | null;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** A flow on a device. */
export interface InstalledFlow {
  readonly flow: string;
  readonly version: number;
  readonly runtime: Runtime;
  readonly state: FlowState;
  readonly detail: string;
  readonly engine: string;
  readonly content_hash: string;
  readonly restarts: number;
  readonly last_fall: string;
}

/** All flows on a device, by id. */
export interface InstalledFlows {
  readonly flows: readonly InstalledFlow[];
}

/** A code that one person may accept once. */
export interface Invitation {
  readonly invitation: string;
  readonly code: string;
  readonly role: Role;
  readonly user: string | null;
  readonly created_by: string;
  readonly expires_at_ms: number;
}

/** Open invitations, newest first. */
export interface InvitationList {
  readonly invitations: readonly Invitation[];
}

/** Names an invitation. */
export interface InvitationRef {
  readonly invitation: string;
}

/** Invite a person to the project; the code is shown once. */
export interface Invite {
  readonly role: Role;
  readonly user?: string | null;
  readonly valid_s?: number;
}

/** The device's public key from now on, 64 hex digits. */
export interface KeyRotated {
  readonly public_key: string;
}

/** Set labels of a device, and remove others. */
export interface LabelDevice {
  readonly device: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

/** Values for the devices that a selector matches; later ones win. */
export interface LabelVariables {
  readonly labels: string;
  readonly variables: Readonly<Record<string, unknown>>;
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

/** Ask for the project's keys. */
export type ListApiKeys = Readonly<Record<string, never>>;

/** Ask for the project's dashboards, by id. */
export interface ListDashboards {
  readonly search?: string;
  readonly after?: string;
  readonly most?: number;
}

/** Ask for deployments, newest first. */
export interface ListDeployments {
  readonly flow?: string | null;
  readonly status?: DeploymentStatus | null;
  readonly before?: string;
  readonly most?: number;
}

/** Ask for the devices of the project, by id. */
export interface ListDevices {
  readonly labels?: string | null;
  readonly search?: string;
  readonly online?: boolean | null;
  readonly after?: string;
  readonly most?: number;
}

/** Ask for the project's flows, by id. */
export interface ListFlows {
  readonly search?: string;
  readonly label?: string | null;
  readonly stage?: FlowStage | null;
  readonly created_by?: string | null;
  readonly after?: string;
  readonly most?: number;
}

/** Ask for all installed flows. */
export type ListInstalled = Readonly<Record<string, never>>;

/** Ask for invitations that may still be accepted. */
export type ListInvitations = Readonly<Record<string, never>>;

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

/** Ask for a flow's releases, newest first. */
export interface ListReleases {
  readonly flow: string;
}

/** Ask for open sessions: one's own, or as owner all of the project. */
export interface ListSessions {
  readonly mine?: boolean;
}

/** Ask for the people of the present project. */
export type ListUsers = Readonly<Record<string, never>>;

/** Ask for all versions of a flow, newest first. */
export interface ListVersions {
  readonly flow: string;
}

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
  readonly client?: string;
}

/** A session: from a sign-in to its last ticket's end. */
export interface OpenSessionReport {
  readonly session: string;
  readonly user: string;
  readonly role: Role;
  readonly opened_at_ms: number;
  readonly renewed_at_ms: number;
  readonly expires_at_ms: number;
  readonly client: string;
  readonly is_this: boolean;
}

/** What a panel shows. */
export type PanelKind = "chart" | "value" | "alarms" | "runs";
export const PanelKind = {
  CHART: "chart",
  VALUE: "value",
  ALARMS: "alarms",
  RUNS: "runs",
} as const;

/** A tag of one device, or of every device that `labels` fit: one of the two. */
export interface PanelSeries {
  readonly tag: string;
  readonly device: string | null;
  readonly labels: string | null;
}

/** One element, link or variable that differs. */
export interface PartChange {
  readonly what: ChangeWord;
  readonly kind: string;
  readonly id: string;
  readonly fields: readonly string[];
  readonly before: unknown;
  readonly after: unknown;
}

/** It holds from now on. */
export interface PasswordChanged {
  readonly sessions_ended: number;
}

/** One step of a counter-example, and how the run stands after it. */
export interface PlayedStep {
  readonly input: string;
  readonly listener: string | null;
  readonly holds: readonly string[];
  readonly fails: readonly string[];
  readonly links: readonly string[];
  readonly phases: readonly string[];
  readonly listening: readonly string[];
  readonly kept: readonly string[];
  readonly activations: Readonly<Record<string, number>>;
  readonly words: string;
}

/** A device came or went. Going is told by the router when the link is lost. */
export interface Presence {
  readonly online: boolean;
}

/** Ask which devices a deployment would reach, in which waves. */
export interface PreviewDeployment {
  readonly targets: Targets;
  readonly strategy?: StrategyKind;
  readonly config?: StrategyConfig;
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

/** Freeze a version, the newest when absent, as a signed release. */
export interface PublishFlow {
  readonly flow: string;
  readonly version?: number | null;
  readonly engine_image?: string;
  readonly engine_memory_mb?: number | null;
  readonly note?: string;
  readonly if_revision?: number | null;
}

/** Ask for entries, newest first. */
export interface ReadAudit {
  readonly actor?: string | null;
  readonly action?: string | null;
  readonly subject?: string | null;
  readonly outcome?: AuditOutcome | null;
  readonly before?: number | null;
  readonly most?: number;
  readonly unplaced?: boolean;
}

/** Ask for the newest lines of a device's log, or of an engine's. */
export interface ReadLog {
  readonly flow?: string | null;
  readonly tail?: number;
  readonly since_ms?: number;
  readonly level?: LogLevel;
}

/** A step of the script that the run did not heed. */
export interface RefusedStep {
  readonly at_ms: number;
  readonly words: string;
}

/** A published flow version. */
export interface Release {
  readonly flow: string;
  readonly version: number;
  readonly content_hash: string;
  readonly published_by: string;
  readonly published_at_ms: number;
  readonly note: string;
  readonly engine_image: string;
  readonly engine_memory_mb: number | null;
  readonly warnings: readonly Finding[];
}

/** A release with its proof. */
export interface ReleaseDetail {
  readonly release: Release;
  readonly signed: SignedRelease;
}

/** Releases of a flow, newest first. */
export interface ReleaseList {
  readonly releases: readonly Release[];
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

/** Take a person out of the project; their sessions in it end. */
export interface RemoveUser {
  readonly user: string;
}

/** The flow is gone from the device. */
export interface Removed {
  readonly flow: string;
}

/** Ask for a fresh ticket for the present project. */
export type RenewSession = Readonly<Record<string, never>>;

/** Ask which devices are meant. */
export interface ResolveTargets {
  readonly targets: Targets;
}

/** Those devices, by id. */
export interface ResolvedTargets {
  readonly devices: readonly string[];
}

/** Ask the agent to end and start anew; engines in containers go on meanwhile. */
export type RestartAgent = Readonly<Record<string, never>>;

/** It will do so at once. */
export type Restarting = Readonly<Record<string, never>>;

/** Make a key void; its sessions end. */
export interface RevokeApiKey {
  readonly key: string;
}

/** It opens nothing any more. */
export interface Revoked {
  readonly key: string;
}

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

/**
 * One run, by the events that are stored of it.
 *
 * `status` is `running`, `paused`, `finished` or `terminated`: a soft stop
 * shows in no event until the run has ended.
 */
export interface RunRecord {
  readonly device: string;
  readonly run: string;
  readonly flow: string;
  readonly version: number;
  readonly status: RunStatus;
  readonly started_at_ms: number;
  readonly ended_at_ms: number | null;
  readonly events: number;
  readonly last_event_ms: number;
  readonly last_phase: string | null;
  readonly overtaken: boolean;
}

/** A page of runs. */
export interface RunRecords {
  readonly runs: readonly RunRecord[];
  readonly more: number | null;
}

/** Names one run of this device, or a flow's active one. */
export interface RunRef {
  readonly run?: string | null;
  readonly flow?: string | null;
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

/**
 * Ask for runs, the newest first; what is left out is not asked about.
 *
 * With `from_ms` or `to_ms` those under way at some moment in [from_ms, to_ms).
 */
export interface RunsQuery {
  readonly device?: string | null;
  readonly flow?: string | null;
  readonly statuses?: readonly RunStatus[] | null;
  readonly active?: boolean | null;
  readonly from_ms?: number | null;
  readonly to_ms?: number | null;
  readonly before?: number | null;
  readonly limit?: number;
}

/** Where a flow's engine runs. */
export type Runtime = "container" | "process";
export const Runtime = {
  CONTAINER: "container",
  PROCESS: "process",
} as const;

/** Make a dashboard, or put another one in its place. */
export interface SaveDashboard {
  readonly dashboard: string;
  readonly title: string;
  readonly description?: string;
  readonly span_ms?: number;
  readonly panels?: readonly DashboardPanel[];
  readonly if_revision?: number | null;
}

/**
 * Save a workflow as the flow's next version; an equal definition makes none.
 *
 * What is None stays as it is. `name` "" stays, too.
 */
export interface SaveFlow {
  readonly flow: string;
  readonly name?: string;
  readonly definition?: Readonly<Record<string, unknown>> | null;
  readonly description?: string | null;
  readonly labels?: readonly string[] | null;
  readonly unfinished?: boolean;
  readonly revise?: boolean;
  readonly if_revision?: number | null;
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

/** It has ended. */
export interface SessionEnded {
  readonly session: string;
}

/** Sessions, newest first. */
export interface SessionList {
  readonly sessions: readonly OpenSessionReport[];
}

/**
 * A short-lived ticket to join a project's realm with authmethod `ticket`.
 *
 * It is a JWT signed with the backend's ed25519 key (EdDSA), with the claims
 * `sub` user, `project`, `role`, `sid` session and `exp`; its audience is
 * `heddle`.
 */
export interface SessionTicket {
  readonly user: string;
  readonly project: string;
  readonly realm: string;
  readonly role: Role;
  readonly ticket: string;
  readonly expires_at_ms: number;
  readonly session: string;
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

/** A phase gives an input of the device a value. */
export interface Setting {
  readonly at_ms: number;
  readonly phase: string;
  readonly node: string;
  readonly value: unknown;
}

/**
 * A published flow version, frozen and signed with the project's key.
 *
 * `document` is canonical JSON: format, project, flow, version, definition, engine,
 * published_by, published_at_ms. The signature is ed25519 over
 * `heddle release v1\n` and the document.
 */
export interface SignedRelease {
  readonly document: Packed;
  readonly content_hash: string;
  readonly signature: string;
  readonly key: string;
}

/**
 * Ask how a run would go, in virtual time that counts from its start at 0.
 *
 * `script` has the steps of `heddle flow simulate --script`, e.g.
 * `{"at_s": 200, "approve": "eventListener_3", "by": "ada"}`.
 */
export interface SimulateFlow {
  readonly definition: Readonly<Record<string, unknown>>;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly script?: readonly Readonly<Record<string, unknown>>[];
  readonly seed?: number | null;
  readonly until_ms?: number | null;
  readonly most?: number;
}

/** A tag has a new value, by the script or improvised; None: not to be trusted. */
export interface SimulatedReading {
  readonly at_ms: number;
  readonly node: string;
  readonly value: unknown;
}

/** How the run went. All times are ms since its start. */
export interface Simulation {
  readonly status: RunStatus;
  readonly end: SimulationEnd;
  readonly words: string;
  readonly lasted_ms: number;
  readonly events: readonly WorkflowEvent[];
  readonly awaited: readonly Awaited[];
  readonly refused: readonly RefusedStep[];
  readonly settings: readonly Setting[];
  readonly values: Readonly<Record<string, unknown>>;
  readonly readings: readonly SimulatedReading[];
}

/** Why a simulation goes no further. */
export type SimulationEnd = "ended" | "waiting" | "until" | "events";
export const SimulationEnd = {
  ENDED: "ended",
  WAITING: "waiting",
  UNTIL: "until",
  EVENTS: "events",
} as const;

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

/** Stop one run, or a flow's active one. */
export interface StopRun {
  readonly run?: string | null;
  readonly flow?: string | null;
  readonly mode?: StopMode;
}

/**
 * Settings; what is None has its strategy's default (EdgeFlow 002).
 *
 * Durations are `"5m"`, `"PT5M"` or milliseconds.
 */
export interface StrategyConfig {
  readonly batch_size: number | null;
  readonly batch_delay: string | number | null;
  readonly failure_threshold: number | null;
  readonly canary_percentage: number | null;
  readonly canary_delay: string | number | null;
  readonly switch_delay: string | number | null;
  readonly timeout: string | number | null;
  readonly revert_timeout: string | number | null;
  readonly auto_rollback: boolean;
  readonly health_check: boolean;
  readonly watch: string | number | null;
  readonly check: string;
  readonly max_in_flight: number;
  readonly retries: number | null;
  readonly catch_up: boolean;
  readonly windows: readonly Window[];
  readonly needs_approval: boolean;
}

/** How a deployment reaches its devices (EdgeFlow 002, "Deployment Strategies"). */
export type StrategyKind = "all_at_once" | "rolling" | "canary" | "blue_green";
export const StrategyKind = {
  ALL_AT_ONCE: "all_at_once",
  ROLLING: "rolling",
  CANARY: "canary",
  BLUE_GREEN: "blue_green",
} as const;

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

/** One device of a deployment. */
export interface TargetReport {
  readonly device: string;
  readonly status: TargetStatus;
  readonly wave: number;
  readonly detail: string;
  readonly attempts: number;
  readonly changed_at_ms: number | null;
  readonly caught_up: boolean;
}

/** Where one device stands within a deployment. */
export type TargetStatus = "pending" | "deploying" | "verifying" | "success" | "failed" | "rolled_back" | "skipped" | "timed_out";
export const TargetStatus = {
  PENDING: "pending",
  DEPLOYING: "deploying",
  VERIFYING: "verifying",
  SUCCESS: "success",
  FAILED: "failed",
  ROLLED_BACK: "rolled_back",
  SKIPPED: "skipped",
  TIMED_OUT: "timed_out",
} as const;

/**
 * Which devices are meant: those named, those a selector matches, or all.
 *
 * `labels` is an expression such as `site=graz and not spare`.
 */
export interface Targets {
  readonly devices: readonly string[];
  readonly labels: string | null;
  readonly all: boolean;
  readonly dynamic: boolean;
}

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
  readonly key?: string | null;
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

/** Have the whole chain computed again. */
export interface VerifyAudit {
  readonly head?: string;
  readonly unplaced?: boolean;
}

/** A flow's versions, newest first. */
export interface VersionList {
  readonly versions: readonly VersionSummary[];
}

/** One version without its workflow. */
export interface VersionSummary {
  readonly version: number;
  readonly saved_at_ms: number;
  readonly saved_by: string;
  readonly published: boolean;
}

/** How much of a stream waits in the outbox. */
export interface Waiting {
  readonly stream: string;
  readonly items: number;
}

/** One wave, and who of it is online now. */
export interface WavePreview {
  readonly devices: readonly string[];
  readonly online: number;
}

/** A maintenance window, by UTC; one that ends before it begins spans midnight. */
export interface Window {
  readonly days: readonly number[];
  readonly begins: string;
  readonly ends: string;
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

/** Set and remove labels of a device. */
export const LABEL_DEVICE: Procedure<LabelDevice, DeviceLabels> = {
  uri: "heddle.backend.device.label",
  calledBy: ["operator", "owner"],
};

/** Start, pause, resume, stop or approve on many devices in one call. */
export const COMMAND_FLEET: Procedure<FleetCommand, FleetResults> = {
  uri: "heddle.backend.fleet.command",
  calledBy: ["operator", "owner"],
};

/** Which devices are meant by ids or labels. */
export const RESOLVE_TARGETS: Procedure<ResolveTargets, ResolvedTargets> = {
  uri: "heddle.backend.fleet.resolve",
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

/** The project's flows. */
export const LIST_FLOWS: Procedure<ListFlows, FlowList> = {
  uri: "heddle.backend.flow.list",
  calledBy: ["operator", "owner", "viewer"],
};

/** All versions of a flow. */
export const LIST_VERSIONS: Procedure<ListVersions, VersionList> = {
  uri: "heddle.backend.flow.versions",
  calledBy: ["operator", "owner", "viewer"],
};

/** What changed between two versions of a flow. */
export const DIFF_FLOW: Procedure<DiffFlow, FlowDiff> = {
  uri: "heddle.backend.flow.diff",
  calledBy: ["operator", "owner", "viewer"],
};

/** Copy a flow into a new one. */
export const CLONE_FLOW: Procedure<CloneFlow, FlowVersion> = {
  uri: "heddle.backend.flow.clone",
  calledBy: ["operator", "owner"],
};

/** Check a version strictly and freeze it as a signed release. */
export const PUBLISH_FLOW: Procedure<PublishFlow, Release> = {
  uri: "heddle.backend.flow.publish",
  calledBy: ["operator", "owner"],
};

/** A release with its signature. */
export const GET_RELEASE: Procedure<GetRelease, ReleaseDetail> = {
  uri: "heddle.backend.flow.release",
  calledBy: ["operator", "owner", "viewer"],
};

/** A flow's releases, newest first. */
export const LIST_RELEASES: Procedure<ListReleases, ReleaseList> = {
  uri: "heddle.backend.flow.releases",
  calledBy: ["operator", "owner", "viewer"],
};

/** Hide a flow; it can neither be changed nor deployed until it is restored. */
export const ARCHIVE_FLOW: Procedure<FlowRef, FlowStanding> = {
  uri: "heddle.backend.flow.archive",
  calledBy: ["operator", "owner"],
};

/** Take a flow out of the archive. */
export const RESTORE_FLOW: Procedure<FlowRef, FlowStanding> = {
  uri: "heddle.backend.flow.restore",
  calledBy: ["operator", "owner"],
};

/** Remove a flow that was never published. */
export const DELETE_FLOW: Procedure<FlowRef, Deleted> = {
  uri: "heddle.backend.flow.delete",
  calledBy: ["operator", "owner"],
};

/** Findings of a workflow that need not be saved, with ways that lead to them. */
export const CHECK_FLOW: Procedure<CheckFlow, FlowVerdict> = {
  uri: "heddle.backend.flow.check",
  calledBy: ["operator", "owner", "viewer"],
};

/** How a run of a workflow that need not be saved would go, in virtual time. */
export const SIMULATE_FLOW: Procedure<SimulateFlow, Simulation> = {
  uri: "heddle.backend.flow.simulate",
  calledBy: ["operator", "owner", "viewer"],
};

/** Make a deployment of a published flow. */
export const CREATE_DEPLOYMENT: Procedure<CreateDeployment, DeploymentReport> = {
  uri: "heddle.backend.deployment.create",
  calledBy: ["operator", "owner"],
};

/** Which devices a deployment would reach, in which waves. */
export const PREVIEW_DEPLOYMENT: Procedure<PreviewDeployment, DeploymentPreview> = {
  uri: "heddle.backend.deployment.preview",
  calledBy: ["operator", "owner", "viewer"],
};

/** One deployment with its targets. */
export const GET_DEPLOYMENT: Procedure<GetDeployment, DeploymentDetail> = {
  uri: "heddle.backend.deployment.get",
  calledBy: ["operator", "owner", "viewer"],
};

/** Deployments, newest first. */
export const LIST_DEPLOYMENTS: Procedure<ListDeployments, DeploymentList> = {
  uri: "heddle.backend.deployment.list",
  calledBy: ["operator", "owner", "viewer"],
};

/** What happened in a deployment. */
export const DEPLOYMENT_HISTORY: Procedure<GetHistory, DeploymentHistory> = {
  uri: "heddle.backend.deployment.history",
  calledBy: ["operator", "owner", "viewer"],
};

/** Let a pending deployment begin. */
export const START_DEPLOYMENT: Procedure<DeploymentRef, DeploymentReport> = {
  uri: "heddle.backend.deployment.start",
  calledBy: ["operator", "owner"],
};

/** Deploy to no further device for now. */
export const PAUSE_DEPLOYMENT: Procedure<DeploymentRef, DeploymentReport> = {
  uri: "heddle.backend.deployment.pause",
  calledBy: ["operator", "owner"],
};

/** Let a paused deployment go on. */
export const RESUME_DEPLOYMENT: Procedure<DeploymentRef, DeploymentReport> = {
  uri: "heddle.backend.deployment.resume",
  calledBy: ["operator", "owner"],
};

/** End a deployment; who has the release keeps it, who has not is skipped. */
export const CANCEL_DEPLOYMENT: Procedure<DeploymentRef, DeploymentReport> = {
  uri: "heddle.backend.deployment.cancel",
  calledBy: ["operator", "owner"],
};

/** Bring every device it reached back to its former release. */
export const ROLL_BACK_DEPLOYMENT: Procedure<DeploymentRef, DeploymentReport> = {
  uri: "heddle.backend.deployment.rollback",
  calledBy: ["operator", "owner"],
};

/** Let a deployment begin, as a second person. */
export const APPROVE_DEPLOYMENT: Procedure<DeploymentRef, DeploymentReport> = {
  uri: "heddle.backend.deployment.approve",
  calledBy: ["operator", "owner"],
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

/** Runs of the project or of a device, newest first, by their stored events. */
export const RUNS: Procedure<RunsQuery, RunRecords> = {
  uri: "heddle.fleetdata.runs",
  calledBy: ["operator", "owner", "viewer"],
};

/** Make a dashboard, or put another one in its place. */
export const SAVE_DASHBOARD: Procedure<SaveDashboard, Dashboard> = {
  uri: "heddle.backend.dashboard.save",
  calledBy: ["operator", "owner"],
};

/** A dashboard with its panels. */
export const GET_DASHBOARD: Procedure<DashboardRef, Dashboard> = {
  uri: "heddle.backend.dashboard.get",
  calledBy: ["operator", "owner", "viewer"],
};

/** The project's dashboards. */
export const LIST_DASHBOARDS: Procedure<ListDashboards, DashboardList> = {
  uri: "heddle.backend.dashboard.list",
  calledBy: ["operator", "owner", "viewer"],
};

/** Delete a dashboard: one's own, or as an owner of the project anybody's. */
export const DELETE_DASHBOARD: Procedure<DeleteDashboard, DashboardDeleted> = {
  uri: "heddle.backend.dashboard.delete",
  calledBy: ["operator", "owner"],
};

/** Which tags devices have, by name. */
export const FIND_TAGS: Procedure<FindTags, FoundTags> = {
  uri: "heddle.backend.tag.find",
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

/** Invite a person to the project. */
export const INVITE: Procedure<Invite, Invitation> = {
  uri: "heddle.backend.invitation.create",
  calledBy: ["owner"],
};

/** Open invitations. */
export const LIST_INVITATIONS: Procedure<ListInvitations, InvitationList> = {
  uri: "heddle.backend.invitation.list",
  calledBy: ["owner"],
};

/** Make an invitation void; answers with those left. */
export const WITHDRAW_INVITATION: Procedure<InvitationRef, InvitationList> = {
  uri: "heddle.backend.invitation.withdraw",
  calledBy: ["owner"],
};

/** Join a project by an invitation's code. */
export const ACCEPT_INVITATION: Procedure<AcceptInvitation, User> = {
  uri: "heddle.backend.invitation.accept",
  calledBy: ["person"],
};

/** Give a person another role. */
export const CHANGE_ROLE: Procedure<ChangeRole, User> = {
  uri: "heddle.backend.user.role",
  calledBy: ["owner"],
};

/** Take a person out of the project. */
export const REMOVE_USER: Procedure<RemoveUser, User> = {
  uri: "heddle.backend.user.remove",
  calledBy: ["owner"],
};

/** Choose another password. */
export const CHANGE_PASSWORD: Procedure<ChangePassword, PasswordChanged> = {
  uri: "heddle.backend.user.password",
  calledBy: ["operator", "owner", "viewer"],
};

/** Open sessions. */
export const LIST_SESSIONS: Procedure<ListSessions, SessionList> = {
  uri: "heddle.backend.session.list",
  calledBy: ["operator", "owner", "viewer"],
};

/** End a session. */
export const END_SESSION: Procedure<EndSession, SessionEnded> = {
  uri: "heddle.backend.session.end",
  calledBy: ["operator", "owner", "viewer"],
};

/** Make a key for a program. */
export const CREATE_API_KEY: Procedure<CreateApiKey, ApiKey> = {
  uri: "heddle.backend.key.create",
  calledBy: ["owner"],
};

/** The project's keys. */
export const LIST_API_KEYS: Procedure<ListApiKeys, ApiKeyList> = {
  uri: "heddle.backend.key.list",
  calledBy: ["owner"],
};

/** Make a key void. */
export const REVOKE_API_KEY: Procedure<RevokeApiKey, Revoked> = {
  uri: "heddle.backend.key.revoke",
  calledBy: ["owner"],
};

/** Who did what in the project, and who was refused. */
export const READ_AUDIT: Procedure<ReadAudit, AuditPage> = {
  uri: "heddle.backend.audit.read",
  calledBy: ["operator", "owner"],
};

/** Compute the audit trail's chain again and tell whether it holds. */
export const VERIFY_AUDIT: Procedure<VerifyAudit, AuditVerdict> = {
  uri: "heddle.backend.audit.verify",
  calledBy: ["owner"],
};

/** What happens in the runs of a device, live; history is in fleetdata. */
export const RUN_EVENT: Topic<RunEvents> = { uri: "heddle.device.{device}.run.event" };

/** A deployment moved; ask for it to learn more. */
export const DEPLOYMENT_MOVED: Topic<DeploymentMoved> = { uri: "heddle.backend.deployment.moved" };

/** A device came further with a deployment. */
export const DEPLOYMENT_REPORT: Topic<DeviceDeployment> = { uri: "heddle.device.{device}.deployment.report" };

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
  /** The project has no such key. */
  ApiKeyNotFound: "heddle.error.api_key_not_found",
  /** It would take more time or memory than one trial is given. */
  BudgetSpent: "heddle.error.budget_spent",
  /** The code's time has passed. */
  CodeExpired: "heddle.error.enrolment_code_expired",
  /** No such enrolment code was ever made. */
  CodeUnknown: "heddle.error.enrolment_code_unknown",
  /** Another key has redeemed this code. */
  CodeUsed: "heddle.error.enrolment_code_used",
  /** Somebody changed the dashboard meanwhile; `details` tell today's `revision`, */
  DashboardChanged: "heddle.error.dashboard_changed",
  /** The project has no such dashboard. */
  DashboardNotFound: "heddle.error.dashboard_not_found",
  /** Another deployment of this flow is under way on some of these devices. */
  DeploymentConflict: "heddle.error.deployment_conflict",
  /** The project has no such deployment. */
  DeploymentNotFound: "heddle.error.deployment_not_found",
  /** The device has taken up another deployment of the flow since. */
  DeploymentSuperseded: "heddle.error.deployment_superseded",
  /** The device was never told of this deployment. */
  DeploymentUnknown: "heddle.error.deployment_unknown",
  /** The project already has a device of this id. */
  DeviceExists: "heddle.error.device_exists",
  /** The project has no such device. */
  DeviceNotFound: "heddle.error.device_not_found",
  /** The device that judges the alarm does not answer; nothing was done. */
  DeviceOffline: "heddle.error.device_offline",
  /** The flow's engine does not answer; the agent is restarting it. */
  EngineUnavailable: "heddle.error.engine_unavailable",
  /** The flow is archived: restore it first. */
  FlowArchived: "heddle.error.flow_archived",
  /** Somebody changed the flow meanwhile; `details["revision"]` is today's. */
  FlowChanged: "heddle.error.flow_changed",
  /** The project already has a flow of this id. */
  FlowExists: "heddle.error.flow_exists",
  /** The flow has releases or deployments, which stay: archive it instead. */
  FlowInUse: "heddle.error.flow_in_use",
  /** The workflow breaks rules; `details["findings"]` lists each `Finding`. */
  FlowInvalid: "heddle.error.flow_invalid",
  /** The project has no such flow (or version). */
  FlowNotFound: "heddle.error.flow_not_found",
  /** The flow was never installed on this device. */
  FlowNotInstalled: "heddle.error.flow_not_installed",
  /** The newest version is published, and so immutable: begin the next draft. */
  FlowPublished: "heddle.error.flow_published",
  /** A defect on the serving side; the sentence carries only a log reference. */
  InternalError: "heddle.error.internal",
  /** An id is not `[a-z0-9_]{1,64}`. */
  InvalidId: "heddle.error.invalid_id",
  /** The request does not have the declared shape; the sentence names the field. */
  InvalidRequest: "heddle.error.invalid_request",
  /** The invitation is unknown, used, expired, withdrawn or for another user. */
  InvitationInvalid: "heddle.error.invitation_invalid",
  /** It is no ed25519 public key, or another's. */
  KeyInvalid: "heddle.error.key_invalid",
  /** The key is a device's, but of another project than the realm asked for. */
  KeyOfAnotherProject: "heddle.error.key_of_another_project",
  /** The key is neither a device's nor a service's. */
  KeyUnknown: "heddle.error.key_unknown",
  /** The project would have no owner left. */
  LastOwner: "heddle.error.last_owner",
  /** The listener named (or any fitting one) is not active now. */
  ListenerNotActive: "heddle.error.listener_not_active",
  /** User or password is wrong; which of them is not told. */
  LoginRefused: "heddle.error.login_refused",
  /** The backend, which knows the passwords, does not answer now; try again. */
  LoginUnavailable: "heddle.error.login_unavailable",
  /** No device is meant: the selector matches none, or the list is empty. */
  NoTargets: "heddle.error.no_targets",
  /** The caller is known but may not do this. */
  NotPermitted: "heddle.error.not_permitted",
  /** The target did not take the notice; the sentence tells why. */
  NoticeNotTaken: "heddle.error.notice_not_taken",
  /** There is no such target of notices. */
  NoticeTargetNotFound: "heddle.error.notice_target_not_found",
  /** The new password is too short, or no better than the old one. */
  PasswordWeak: "heddle.error.password_weak",
  /** The old password is wrong. */
  PasswordWrong: "heddle.error.password_wrong",
  /** A project of this id is there already. */
  ProjectExists: "heddle.error.project_exists",
  /** There is no such project, or the caller is not in it. */
  ProjectNotFound: "heddle.error.project_not_found",
  /** The realm asked for is neither the system realm nor a project's. */
  RealmUnknown: "heddle.error.realm_unknown",
  /** The flow, or this version of it, is not published. */
  ReleaseNotFound: "heddle.error.release_not_found",
  /** The release is not what was signed, or not signed by this project. */
  ReleaseRefused: "heddle.error.release_refused",
  /** The flow already has an active run on this device. */
  RunAlreadyActive: "heddle.error.run_already_active",
  /** The device already has a run of this id. */
  RunExists: "heddle.error.run_exists",
  /** The device knows no such run. */
  RunNotFound: "heddle.error.run_not_found",
  /** The run is paused and heeds only resume, stop and status. */
  RunPaused: "heddle.error.run_paused",
  /** The script does not fit the workflow; `details["flaws"]` has every reason. */
  ScriptInvalid: "heddle.error.script_invalid",
  /** Who made a deployment cannot approve it. */
  SecondPersonNeeded: "heddle.error.second_person_needed",
  /** The selector of labels cannot be read; the sentence names the place. */
  SelectorInvalid: "heddle.error.selector_invalid",
  /** A batch skips numbers; `details["wanted"]` is the number to go on with. */
  SequenceGap: "heddle.error.sequence_gap",
  /** There is no such session, or it is not the caller's to end. */
  SessionNotFound: "heddle.error.session_not_found",
  /** The device's disk is full; the request changed nothing. Make room, ask again. */
  StorageFull: "heddle.error.storage_full",
  /** The database does not answer, or is busy; try again, nothing was stored. */
  StorageUnavailable: "heddle.error.storage_unavailable",
  /** A setting of the strategy is out of range; the sentence names it. */
  StrategyInvalid: "heddle.error.strategy_invalid",
  /** The ticket is expired, not the backend's, or for another user or project. */
  TicketInvalid: "heddle.error.ticket_invalid",
  /** Too many wrong passwords; `details["retry_in_s"]` says when to try again. */
  TooManyAttempts: "heddle.error.too_many_attempts",
  /** The answer would exceed the limit; ask for buckets or a shorter range. */
  TooManyRows: "heddle.error.too_many_rows",
  /** Too many trials are under way: this person's, or all together. */
  TrialsBusy: "heddle.error.trials_busy",
  /** What the device has measured is not delivered yet; wait, or force. */
  UndeliveredData: "heddle.error.undelivered_data",
  /** The person is in the project already. */
  UserExists: "heddle.error.user_exists",
  /** The project has no such person. */
  UserNotFound: "heddle.error.user_not_found",
  /** A variable is not declared by the release, or its value is of another type. */
  VariableInvalid: "heddle.error.variable_invalid",
  /** It makes no sense in the alarm's state; the sentence tells the way out. */
  WrongAlarmState: "heddle.error.wrong_alarm_state",
  /** The command makes no sense as the deployment stands. */
  WrongDeploymentState: "heddle.error.wrong_deployment_state",
  /** The command makes no sense in the run's present state. */
  WrongRunState: "heddle.error.wrong_run_state",
} as const;
