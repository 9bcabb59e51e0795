import { formatUnsupportedRuntime } from './supported-runtime.ts';

/**
 * Lists every problem in a configuration file, so that the user can fix all of them in one edit.
 */
const formatFileError = (p: { problems: readonly unknown[]; lines: readonly string[] }) =>
  `The file was rejected. Fix ${p.lines.length === 1 ? 'this problem' : `these ${p.lines.length} problems`}:\n${p.lines.join('\n')}`;

const formatRowCount = (rows: number) => `${rows} ${rows === 1 ? 'row' : 'rows'}`;

const formatPointCount = (points: number) => `${points} ${points === 1 ? 'point' : 'points'}`;

const formatHint = (nearest: string | undefined) => (nearest ? ` Did you mean ${nearest}?` : '');

/** An object that a command or an API request names, but that doesn't exist. */
interface MissingItem {
  readonly item: keyof typeof MISSING_ITEM_MESSAGES;
  readonly id: string;
}

const MISSING_ITEM_MESSAGES = {
  alert: (id: string) => `No alert has the ID ${id}. \`perfscope alerts\` lists them.`,
  forecast: (id: string) =>
    `No forecast has the ID ${id}. Get IDs from GET /api/performance/forecasts.`,
  deploy: (id: string) => `No deploy has the ID ${id}. Get IDs from GET /api/performance/deploys.`,
  firingAlert: (id: string) =>
    `The alert with the ID ${id} is not firing, so it can't be acknowledged. \`perfscope alerts\` lists the alerts.`,
  incident: (id: string) => `No incident has the ID ${id}. \`perfscope incidents\` lists them.`,
  openIncident: (id: string) =>
    `The incident with the ID ${id} has no active alerts, so it can't be acknowledged. \`perfscope incidents\` lists the incidents.`,
  objective: (name: string) =>
    `No objective has the name ${name}. \`perfscope objectives\` lists them.`,
  rule: (name: string) =>
    `No alert rule has the name ${name}. GET /api/performance/rules lists them.`,
  silence: (id: string) =>
    `No active silence has the ID ${id}. \`perfscope alerts silences\` lists them.`,
  suggestion: (id: string) =>
    `No suggestion of the last 7 days has the ID ${id}. \`perfscope suggestions\` lists them.`,
  dismissal: (id: string) =>
    `The suggestion with the ID ${id} is not dismissed, or only others can restore it. \`perfscope suggestions --dismissed\` lists dismissed suggestions.`,
  person: (name: string) =>
    `No person has the name ${name}. \`perfscope notify people list\` lists them.`,
  receiver: (name: string) =>
    `No receiver has the name ${name}. GET /api/performance/receivers lists them.`,
  notification: (id: string) =>
    `No notification has the ID ${id}. GET /api/performance/notifications lists them.`,
  job: (id: string) =>
    `No job has the ID ${id} in this time range. GET /api/performance/jobs lists them.`,
} as const;

/**
 * The message of each error code. A message states the cause, the value that failed, and the next
 * step. `error-docs.ts` explains each code for docs/errors.md.
 */
export const ERROR_MESSAGES = {
  PS_CONFIG_UNKNOWN: (p: { name: string; nearest?: string }) =>
    p.name.startsWith('OTEL_')
      ? `${p.name} is not an OpenTelemetry variable.${formatHint(p.nearest)} See docs/integrations.md for the list of variables.`
      : `${p.name} is not a Perfscope setting.${formatHint(p.nearest)} See docs/configuration.md for the list of settings.`,
  PS_CONFIG_INVALID: (p: { name: string; value: string; allowed: string }) =>
    `${p.name}=${p.value} is invalid: it must be ${p.allowed}. Correct the value or unset the variable.`,
  PS_CONFIG_INCOMPLETE: (p: { feature: string; missing: string }) =>
    `${p.feature} can't be used without ${p.missing}. Set the missing values, or unset the others.`,
  PS_CONFIG_CONFLICT: (p: { given: string; other: string }) =>
    `${p.given} and ${p.other} can't be used together. Unset one of them.`,
  PS_SECRET_FILE: (p: { name: string; reason: string }) =>
    `The secret can't be read from the file that ${p.name} specifies: ${p.reason}. Set ${p.name} to a readable file that contains the secret.`,
  PS_JAVA_MISSING: (p: { hint: string }) =>
    `QuestDB needs a Java runtime, but none was found. ${p.hint}`,
  PS_QUESTDB_JAR_CHANGED: (p: {
    jar: string;
    found: string;
    expected: string;
    packageFile: string;
  }) =>
    `${p.jar} was changed: its SHA-256 is ${p.found} instead of ${p.expected}. Install ${p.packageFile} again.`,
  PS_DATA_DIR_HELD: (p: { dataDir: string; pid: number; url: string }) =>
    `${p.dataDir} is in use by Perfscope process ${p.pid} (${p.url}). Stop that process, or set PERFORMANCE_DATA_DIR to another folder.`,
  PS_DATA_DIR_UNUSABLE: (p: { dataDir: string; reason: string }) =>
    `The data folder ${p.dataDir} can't be used: ${p.reason}. Set PERFORMANCE_DATA_DIR to a folder that the current user can write to.`,
  PS_STATE_FILE_DAMAGED: (p: { file: string; reason: string; effect: string }) =>
    `The file ${p.file} was damaged: ${p.reason}. ${p.effect}`,
  PS_STATE_FILE_UNUSABLE: (p: { file: string; action: 'read' | 'written'; reason: string }) =>
    `The file ${p.file} can't be ${p.action}: ${p.reason}. Check the permissions of the file and its folder, and the free disk space. If the path is a folder, move the folder.`,
  PS_NOT_A_DATA_DIR: (p: { dataDir: string }) =>
    `${p.dataDir} is not a Perfscope data folder, so Perfscope does not change it. Set PERFORMANCE_DATA_DIR to a Perfscope data folder or an empty folder.`,
  PS_NO_DATA: (p: { dataDir: string }) =>
    `The data folder ${p.dataDir} contains no data, and no server is running on this machine. Set PERFORMANCE_DATA_DIR to the data folder of a server.`,
  PS_PORT_TAKEN: (p: { host: string; port: number; setting: string }) =>
    `Another program is using ${p.host}:${p.port}. Set ${p.setting} to a free port.`,
  PS_QUESTDB_START_FAILED: (p: { reason: string; logFile: string }) =>
    `QuestDB did not start: ${p.reason}. See the QuestDB log: ${p.logFile}.`,
  PS_QUESTDB_UNREACHABLE: (p: { url: string; reason: string }) =>
    `QuestDB at ${p.url} is unreachable: ${p.reason}. Check that QuestDB is running. If PERFORMANCE_QUESTDB_URL is set, check the PERFORMANCE_QUESTDB_* settings.`,
  PS_QUESTDB_REFUSED: (p: { status: number; reason: string }) =>
    `QuestDB rejected the request (HTTP ${p.status}): ${p.reason}. Check PERFORMANCE_QUESTDB_USER, PERFORMANCE_QUESTDB_PASSWORD, and PERFORMANCE_QUESTDB_TOKEN.`,
  PS_NOT_READY: (p: { url: string; reason: string }) =>
    `The server at ${p.url} is not ready: ${p.reason}. Check the server log, and check that QuestDB is running.`,
  PS_GRAFANA_UNREACHABLE: (p: { url: string; reason: string }) =>
    `Grafana at ${p.url} is unreachable: ${p.reason}. Check that Grafana is running and that the --push address is correct.`,
  PS_GRAFANA_REFUSED: (p: { url: string; action: string; status: number; reason: string }) =>
    `Grafana at ${p.url} did not ${p.action} (HTTP ${p.status}): ${p.reason}. Fix the cause, then push again.`,
  PS_SCHEMA_NEWER: (p: { found: number; known: number }) =>
    `The database has schema version ${p.found}, but this Perfscope version supports versions up to ${p.known}. Upgrade Perfscope, or use another database.`,
  PS_SCHEMA_CONFLICT: (p: { object: string; problem: string; part: string; statement: string }) =>
    `${p.object} ${p.problem}, so QuestDB can reject rows. Perfscope creates a new ${p.part} after you run this statement in the QuestDB console: ${p.statement};`,
  PS_DISK_LOW: (p: { dir: string; free: string; limit: string }) =>
    `Only ${p.free} are free on the disk of ${p.dir}, so database writes are paused (limit: ${p.limit}). Rows wait in the spool. Writes continue after you free disk space.`,
  PS_STORAGE_UNREACHABLE: (p: { reason: string }) =>
    `QuestDB does not respond: ${p.reason}. Rows wait in the spool. Check that QuestDB is running, and check its log.`,
  PS_STORAGE_LAGGING: (p: { lag: string }) =>
    `Queries don't return rows from the last ${p.lag}, because QuestDB applies them with a delay. Check QuestDB's CPU and disk load.`,
  PS_ROW_INVALID: (p: { field: string; reason: string }) =>
    `A measurement was dropped: ${p.field} ${p.reason}. Correct the value in the call that records the measurement.`,
  PS_ROWS_DROPPED: (p: { rows: number; reason: string }) =>
    `Dropped ${formatRowCount(p.rows)}: ${p.reason}.`,
  PS_ROWS_DROPPED_TOTAL: (p: { process: string; rows: number; reasons: string }) =>
    `${p.process} dropped ${formatRowCount(p.rows)} in total: ${p.reasons}.`,
  PS_SPOOL_UNWRITABLE: (p: { dir: string; reason: string }) =>
    `The spool folder ${p.dir} is not writable (${p.reason}), so rows are buffered in memory. Set PERFORMANCE_SPOOL_DIR to a writable folder.`,
  PS_SPOOL_REFUSED: (p: { dir: string; reason: string }) =>
    `The rows were not accepted, because the spool folder ${p.dir} is not writable (${p.reason}). Check the folder and its disk, then send the rows again.`,
  PS_SPOOL_FULL: (p: { limit: string }) =>
    `The rows were not accepted, because the spool has almost reached its limit of ${p.limit}. Check that QuestDB is running, or raise PERFORMANCE_SPOOL_MAX_BYTES, then send the rows again.`,
  PS_WRITER_CLOSED: (_p: Record<never, never>) =>
    'The rows were not accepted, because the process is ending. Send the rows again.',
  PS_SERIES_STATE_DAMAGED: (p: { path: string; reason: string }) =>
    `The last values of cumulative metrics can't be read from ${p.path} (${p.reason}). The first new value of each metric is used only as a base for later values.`,
  PS_SPOOL_FAILED: (p: { dir: string; action: string; reason: string }) =>
    `A file in the spool folder ${p.dir} could not be ${p.action} (${p.reason}). Check the folder's permissions and its disk.`,
  PS_SPOOL_UNTRUSTED: (p: { path: string; reason: string }) =>
    `Rows are not sent from ${p.path}: ${p.reason}. To send them, see docs/security.md.`,
  PS_SPOOL_FOLDER_INVALID: (p: { dir: string; reason: string }) =>
    `${p.dir} is not a spool folder: ${p.reason}. Set --spool-dir or PERFORMANCE_SPOOL_DIR to the spool folder.`,
  PS_SPOOL_DAMAGED: (p: { path: string; rows: number; size: string }) =>
    `The spool file ${p.path} is damaged: ${formatRowCount(p.rows)} can't be read (${p.size}). All other rows are sent. If the machine did not lose power, check the disk.`,
  PS_DISCOVERY_UNTRUSTED: (p: { file: string; reason: string }) =>
    `The file ${p.file} and its folder can't be trusted: ${p.reason}. Delete them, then restart the Perfscope server.`,
  PS_ROWS_REJECTED: (p: { table: string; rows: number; reason: string }) =>
    `${formatRowCount(p.rows)} for table ${p.table} can't be stored: ${p.reason}. Further rows of this table that are rejected for the same reason are not logged. Run \`perfscope spool ls\` to list the dead letters.`,
  PS_DEAD_LETTERS_NOT_FOUND: (p: { id: string; nearest?: string | undefined }) =>
    `No dead letters have the ID ${p.id}.${formatHint(p.nearest)} Run \`perfscope spool ls\` to list all IDs.`,
  PS_FLUSH_TIMEOUT: (p: { rows: number; seconds: number }) =>
    `QuestDB did not acknowledge ${formatRowCount(p.rows)} within ${p.seconds} s. The rows are in the spool and will be sent later. Check that QuestDB is running.`,
  PS_CONFIRMATION_REQUIRED: (_p: Record<never, never>) =>
    'Nothing was changed, because stdin is not a terminal and contains no answer. To skip the confirmation, pass --yes.',
  PS_INPUT_UNREADABLE: (p: { reason: string }) =>
    `The statement can't be read from stdin: ${p.reason}. Pass the statement as an argument, or use a pipe or a file as stdin.`,
  PS_SERVER_UNREACHABLE: (p: { url: string; reason: string }) =>
    `The Perfscope server at ${p.url} can't be reached: ${p.reason}. Check that the server is running, and check --url or PERFORMANCE_SERVER_URL.`,
  PS_NO_SERVER: (_p: Record<never, never>) =>
    'No Perfscope server is running on this machine. Start a server with `perfscope serve`, or specify a server with --url or PERFORMANCE_SERVER_URL.',
  PS_SERVER_KEY: (p: { url: string; reason: string }) =>
    `The Perfscope server at ${p.url} did not accept the request: ${p.reason}. Set PERFORMANCE_API_KEY or PERFORMANCE_API_KEY_FILE, or use --key-file or --key.`,
  PS_NO_TARGET: (_p: Record<never, never>) =>
    "No Perfscope server is running on this machine, so data can't be recorded or queried. Start a server with `perfscope serve`, or set PERFORMANCE_QUESTDB_URL.",
  PS_RUNTIME_UNSUPPORTED: formatUnsupportedRuntime,
  PS_PERMISSION_MISSING: (p: { flags: string }) =>
    `Node.js runs with --permission, so measurements can be lost. Add these flags to the command: ${p.flags}`,
  PS_PART_FAILED: (p: { part: string; reason: string }) =>
    `Failed to start ${p.part}: ${p.reason}. This part is disabled, but the application is not affected. Fix the cause, then restart the application.`,
  PS_AGENT_FAILURE: (p: { part: string; reason: string }) =>
    `Perfscope failed in ${p.part}: ${p.reason}. The application is not affected, but measurements can be missing. Repeated failures are counted in perfscope.agent.failures. Report this message to the maintainers.`,
  PS_ARGUMENT_INVALID: (p: { fn: string; argument: string; reason: string }) =>
    `${p.fn}() received an invalid argument: ${p.argument} ${p.reason}. Correct the call.`,
  PS_OTLP_EXPORT_FAILED: (p: { url: string; reason: string; hint: string }) =>
    `Metrics can't be sent to ${p.url} at the moment: ${p.reason}. Up to 16 MB of metrics are kept in memory and sent later. ${p.hint}.`,
  PS_OTLP_EXPORT_REJECTED: (p: { url: string; reason: string; points: number; hint: string }) =>
    `${p.url} rejected ${formatPointCount(p.points)}: ${p.reason}. Rejected metrics are not sent again. ${p.hint}.`,
  PS_OTLP_EXPORT_PARTIAL: (p: { url: string; points: number; reason: string }) =>
    p.points === 0
      ? `${p.url} accepted all metrics, with a warning: ${p.reason}. Further warnings are not logged.`
      : `${p.url} rejected ${formatPointCount(p.points)} of a request: ${p.reason}. Further rejected points are counted in perfscope.export.points.dropped.`,
  PS_OTLP_EXPORT_CERTIFICATE: (p: { name: string; reason: string }) =>
    `Metrics are not sent over OTLP, because the file that ${p.name} specifies can't be read: ${p.reason}. Set ${p.name} to a readable file in the PEM format, then restart the application.`,
  PS_EXPORTER_INACTIVE: (_p: Record<never, never>) =>
    "Perfscope's OpenTelemetry exporters do nothing in this process, because the `register` module already records its requests, queries, and metrics. Use either the `--import` flag or the exporters.",
  PS_SDK_UNSUPPORTED: (_p: Record<never, never>) =>
    "Perfscope's exporters need OpenTelemetry SDK 2.x or newer (`@opentelemetry/sdk-node` 0.200 or newer). This process uses SDK 1.x, so nothing is recorded.",
  PS_SERIES_LIMIT: (_p: Record<never, never>) =>
    'This process reached its limit of distinct routes, statements, tenants, or metrics. New combinations are grouped into one series, so totals stay exact. Use route patterns and bound parameters instead of literal values.',
  PS_OVERHEAD_LIMIT: (p: { cpu: string; memory: string; omitted: string }) =>
    `The agent used ${p.cpu} % of a CPU core and about ${p.memory} MB of memory, which exceeds a limit. It now omits ${p.omitted}. Counts and durations stay exact. When the agent uses less, it records everything again. To change the limits, set PERFORMANCE_AGENT_MAX_CPU or PERFORMANCE_AGENT_MAX_MEMORY.`,
  PS_VALUE_LIMIT: (p: { field: string; limit: number; replacement: string }) =>
    `This process recorded more than ${p.limit} distinct values of ${p.field}. New values are stored as ${p.replacement}, so totals stay exact. Don't put IDs or other unique texts in ${p.field}.`,
  PS_TENANT_REFUSED: (p: { field: string; reason: string }) =>
    `A request's ${p.field} was ignored: it ${p.reason}. The request is recorded without this value. Correct the header or the withTenant() call.`,
  PS_QUEUE_AWAY: (p: { queue: string }) =>
    `The server of queue ${p.queue} is unreachable, so the queue depth is unknown. Check that the server is running.`,
  PS_DEMO_INCOMPLETE: (p: { reason: string }) =>
    `The demo needs packages that are not installed (${p.reason}). Run: npm install bullmq ioredis`,
  PS_DOCTOR_FAILED: (p: { app: string; reason: string; usedPort?: number | undefined }) =>
    `The doctor could not check ${p.app}: ${p.reason}. ${
      p.usedPort === undefined
        ? `Check that the application starts with \`node ${p.app}\`.`
        : `Another process uses port ${p.usedPort}. Your service probably still runs. Stop it, or set another PORT.`
    }`,
  PS_RULES_INVALID: formatFileError,
  PS_NOTIFY_INVALID: formatFileError,
  PS_BUSINESS_RULES_INVALID: formatFileError,
  PS_FILE_UNREADABLE: (p: { file: string; reason: string }) =>
    `The file ${p.file} can't be read: ${p.reason}. The last valid version stays in effect. If no version was loaded, the defaults apply. Correct the path or the file permissions. Perfscope tries again automatically.`,
  PS_JOURNAL_UNWRITABLE: (p: { folder: string; reason: string }) =>
    `The notification journal in ${p.folder} is not writable: ${p.reason}. Messages are still delivered, but pending messages are lost if the process stops. Free disk space, or set PERFORMANCE_DATA_DIR to a writable folder.`,
  PS_RECEIVER_UNKNOWN: (p: {
    name: string;
    nearest?: string | undefined;
    known: readonly string[];
  }) =>
    `Receiver ${p.name} does not exist.${formatHint(p.nearest)} Available receivers: ${p.known.join(', ')}.`,
  PS_REQUEST_INVALID: (p: { reason: string; errors?: readonly object[] }) =>
    `The request is invalid: ${p.reason}.`,
  PS_NOT_FOUND: (
    p:
      | { path: string; nearest?: string | undefined }
      | { path: string; advice: string }
      | MissingItem,
  ) =>
    'item' in p
      ? MISSING_ITEM_MESSAGES[p.item](JSON.stringify(p.id.slice(0, 100)))
      : 'advice' in p
        ? `${p.path} does not exist. ${p.advice}`
        : `${p.path} does not exist.${formatHint(p.nearest)} See /api/openapi.json for all endpoints.`,
  PS_METHOD_NOT_ALLOWED: (p: {
    method: string;
    path: string;
    allowed: string;
    advice?: string | undefined;
  }) =>
    `${p.path} does not support ${p.method}. Use ${p.allowed}.${p.advice === undefined ? '' : ` ${p.advice}`}`,
  PS_TABLE_SUSPENDED: (p: { tables: string; reason: string }) =>
    `QuestDB accepts rows but does not store them, because these tables are suspended: ${p.tables} (${p.reason}). Free disk space on QuestDB's machine. Perfscope then resumes the tables.`,
  PS_UNAVAILABLE: (p: { reason: string }) =>
    `The service is temporarily unavailable: ${p.reason}. Try again later.`,
  PS_REQUEST_TOO_LARGE: (_p: Record<never, never>) =>
    'The response would be too large. Request fewer groups, a larger step, or a shorter time range.',
  PS_UNAUTHENTICATED: (p: { reason: string; requiredRole?: string | undefined }) =>
    `Authentication required: ${p.reason}. Create an API key on the server with \`perfscope keys create --role ${p.requiredRole ?? 'ROLE'} --name NAME\`, and send it as \`Authorization: Bearer …\`.`,
  PS_FORBIDDEN: (p: { role: string; action: string; allowedRoles: string }) =>
    `${p.role} can't ${p.action}. Use a key with the role ${p.allowedRoles}.`,
  PS_CROSS_SITE: (p: { path: string }) =>
    `The request to ${p.path} was rejected, because it changes data and was sent by another website. Use POST with an API key, open the address directly, or use curl.`,
  PS_KEY_REQUIRED: (p: { action: string }) =>
    `A request without an API key can't ${p.action}. Create a key with \`perfscope keys create --role ADMIN --name admin\` and send it as \`Authorization: Bearer …\`.`,
  PS_QUOTA_REACHED: (p: { limit: number; what: string; per: string; action: string }) =>
    `The limit of ${p.limit} ${p.what} per ${p.per} has been reached. ${p.action}, then try again.`,
  PS_TOO_MANY_OPEN: (p: { limit: number; what: string; per: string; seconds: number }) =>
    `The limit of ${p.limit} ${p.what} per ${p.per} has been reached. Close some of them, or try again in ${p.seconds} s.`,
  PS_TOO_MANY_REQUESTS: (p: { limit: number; per: string; seconds: number }) =>
    `The limit of ${p.limit} requests per minute per ${p.per} was exceeded. Wait ${p.seconds} s, or raise PERFORMANCE_API_RATE_LIMIT.`,
  PS_OTLP_INVALID: (p: { reason: string; position?: string | undefined }) =>
    `The OTLP request is invalid${p.position === undefined ? '' : ` at ${p.position}`}: ${p.reason}. Correct the request. A retry of the same request will also fail.`,
  PS_OTLP_UNSUPPORTED: (p: { problem: string; allowed: string }) =>
    `The OTLP request can't be read: ${p.problem}. ${p.allowed}.`,
  PS_OTLP_TOO_LARGE: (p: { mebibytes: number; stage: string }) =>
    `The OTLP request is larger than ${p.mebibytes} MiB ${p.stage}. Send smaller batches.`,
  PS_OTLP_NO_LOGS: (_p: Record<never, never>) =>
    'Perfscope stores metrics and traces, but not logs. Turn off log export, for example with OTEL_LOGS_EXPORTER=none.',
  PS_OTLP_PATH: (p: { url: string }) =>
    `OTLP is received at /v1/metrics and /v1/traces. Set OTEL_EXPORTER_OTLP_ENDPOINT to ${p.url}, without a path.`,
  PS_OTLP_GRPC: (_p: Record<never, never>) =>
    'OTLP over gRPC is not supported. Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf in the sender.',
  PS_OTLP_GRPC_CLIENT: (p: { address: string }) =>
    `A client at ${p.address} sends gRPC (HTTP/2), so its data is lost. Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf in the sender.`,
  PS_OTLP_REJECTED: (p: { sender: string; status: number; message: string }) =>
    `OTLP requests from ${p.sender} are rejected (${p.status}), so their data is lost. ${p.message}`,
  PS_OTLP_BUSY: (p: { mebibytes: number; per: string; seconds: number }) =>
    `The open OTLP requests exceed the limit of ${p.mebibytes} MiB per ${p.per}. Send them again in ${p.seconds} s.`,
  PS_OTLP_SLOW: (p: { seconds: number }) =>
    `The OTLP request did not arrive in time. Check the network, and send the request again in ${p.seconds} s.`,
  PS_OTLP_NOT_STORED: (p: { reason: string; seconds: number }) =>
    `The data was not stored: ${p.reason}. Send it again in ${p.seconds} s.`,
  PS_OTLP_TOO_MANY_SERIES: (p: {
    owner: string;
    dropped: number;
    kept: number;
    metric?: string | undefined;
  }) =>
    `There are too many cumulative series, so the server removed ${p.dropped} series of ${p.owner} and keeps ${p.kept}. For each removed series, the increase until its next point is not stored. ${p.metric === undefined ? '' : `Most new series belong to the metric ${p.metric}. `}Remove attributes with many values, or send deltas with OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta.`,
  PS_OTLP_TOO_MANY_PROCESSES: (p: { owner: string; dropped: number; kept: number }) =>
    `Too many processes send metrics, so the server no longer tracks ${p.dropped} process metrics of ${p.owner}, and still tracks ${p.kept}. If these processes also send spans, their requests can be counted twice. Set service.instance.id to a value that stays the same while a process runs.`,
  PS_KEY_INVALID: (p: { reason: string }) =>
    `The API key was not created: ${p.reason}. Correct the value and try again.`,
  PS_KEY_NOT_FOUND: (p: { id: string }) =>
    `API key ${p.id} does not exist. Run \`perfscope keys list\` to see all keys.`,
  PS_EXPOSED: (p: { host: string }) =>
    `HOST=${p.host} is reachable from other machines, but no API key protects the data. Run \`perfscope keys create --role ADMIN --name admin\`, set the PERFORMANCE_JWT_* variables, or set HOST=127.0.0.1.`,
  PS_AGENT_MISSING: (p: { file: string }) =>
    `The agent package ${p.file} is missing. Run \`npm run build\` in the Perfscope folder.`,
  PS_AGENT_INSECURE: (_p: Record<never, never>) =>
    'The agent can be downloaded only over HTTPS or from the same machine. Use HTTPS, or copy the file that `perfscope agent pack` saves on the server.',
  PS_AGENT_OTHER_VERSION: (p: { path: string; version: string; offered: string }) =>
    `${p.path} does not exist, because this server has version ${p.version}. Download ${p.offered} instead.`,
  PS_AGENT_FILE_DIFFERS: (p: { file: string }) =>
    `${p.file} already exists with different content. Choose another file with --output, or use --force to overwrite the file.`,
  PS_VERSION_INCOMPATIBLE: (p: {
    service: string;
    agent: string;
    server: string;
    url?: string | undefined;
  }) =>
    `Agent ${p.agent} in service ${p.service} is incompatible with server ${p.server}. Rows are still stored, but some metrics can be missing or wrong. Get agent ${p.server} from ${p.url ?? '`perfscope agent pack` on the server'}, and install the file in the service.`,
  PS_QUERY_TOO_LONG: (_p: Record<never, never>) =>
    'The query exceeded its time limit and was canceled. Request a shorter time range, fewer groups, or a larger step.',
  PS_EXPLAIN_UNSET: (p: { variable: string }) =>
    `EXPLAIN needs a connection to the database of your services. Set ${p.variable} to the URL of a user that can only read, and restart the server.`,
  PS_EXPLAIN_FAILED: (p: { database: string; reason: string }) =>
    `${p.database} did not explain the statement: ${p.reason}. Check the URL and the permissions of its user, or run EXPLAIN yourself.`,
  PS_FILE_EXISTS: (p: { file: string }) =>
    `${p.file} already exists. Choose another name, or use --force to overwrite the file.`,
  PS_EXPORT_FAILED: (p: { file: string; reason: string }) =>
    `${p.file} could not be written: ${p.reason}. The incomplete file was deleted. Fix the cause, then try again.`,
  PS_FOLDER_NOT_EMPTY: (p: { folder: string; command: 'backup' | 'restore' }) =>
    p.command === 'restore'
      ? `The data folder ${p.folder} already exists. Set PERFORMANCE_DATA_DIR to another folder, or use --force, which renames the existing folder.`
      : `${p.folder} already exists. Choose a folder that does not exist.`,
  PS_BACKUP_FOREIGN: (p: { url: string; command: 'backup' | 'restore' }) =>
    p.command === 'restore'
      ? `The QuestDB at ${p.url} was not started by Perfscope, so Perfscope can't replace its files. To restore into the embedded QuestDB, unset PERFORMANCE_QUESTDB_URL. To restore a copy that was created between CHECKPOINT CREATE and CHECKPOINT RELEASE, follow QuestDB's documentation.`
      : `The QuestDB at ${p.url} was not started by Perfscope, so Perfscope can't access its files. On the QuestDB machine, run CHECKPOINT CREATE, copy the QuestDB root folder, then run CHECKPOINT RELEASE.`,
  PS_BACKUP_FAILED: (p: { reason: string }) =>
    `The backup failed: ${p.reason}. The incomplete backup was deleted. Fix the cause, then try again.`,
  PS_BACKUP_DAMAGED: (p: { folder: string; reason: string }) =>
    `${p.folder} is not a complete backup: ${p.reason}. Use another backup.`,
  PS_RESTORE_FAILED: (p: { dataDir: string; reason: string }) =>
    `${p.dataDir} was not restored: ${p.reason}. If the previous data folder was renamed, it is still in the same parent folder. Fix the cause, then try again.`,
  PS_CHANNEL_SECRET: (p: { file: string; reason: string }) =>
    `The secret file ${p.file} can't be used: ${p.reason}. Use a file that only its owner can read, in the format that docs/channels.md describes.`,
  PS_CHANNEL_INVALID: (p: { channel: string; reason: string }) =>
    `Channel ${p.channel} can't be used: ${p.reason}. See docs/channels.md for the channel's settings.`,
  PS_BREAKER_INVALID: (p: { name: string; reason: string }) =>
    `Circuit breaker ${p.name} can't be created: ${p.reason}. See docs/actions.md for the breaker's options.`,
  PS_BREAKER_OPEN: (p: { name: string }) =>
    `${p.name} was not called because its circuit breaker is open. The breaker retries automatically. To return a value in the meantime, pass a fallback to protect().`,
  PS_BREAKER_TIMEOUT: (p: { name: string; timeoutMs: number }) =>
    `${p.name} did not respond within ${p.timeoutMs} ms. If longer response times are normal, raise timeoutMs. Otherwise, pass a fallback to protect().`,
  PS_SQL_REFUSED: (p: { reason: string; advice?: string }) =>
    `The SQL statement was not run: ${p.reason}. ${p.advice ?? 'Use a single SELECT that reads only tables.'}`,
} as const;
