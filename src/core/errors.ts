/** A file is told of with all of its problems, so that they can be corrected in one go. */
const formatFileError = (p: { problems: readonly unknown[]; lines: readonly string[] }) =>
  `The file is refused, and what ran before keeps running. Correct ${p.lines.length === 1 ? 'this' : `these ${p.lines.length}`}:\n${p.lines.join('\n')}`;

/**
 * The one catalogue of coded errors. Each entry says what is wrong and what to do;
 * `docs/errors.md` lists the same codes, and a test holds the two together.
 */
const ERROR_MESSAGES = {
  PS_CONFIG_UNKNOWN: (p: { name: string; nearest?: string }) =>
    `${p.name} is not a setting of Perfscope.${p.nearest ? ` Did you mean ${p.nearest}?` : ''} The README lists every name.`,
  PS_CONFIG_INVALID: (p: { name: string; value: string; allowed: string }) =>
    `${p.name}=${p.value} is not valid: it must be ${p.allowed}. Correct or unset it.`,
  PS_CONFIG_INCOMPLETE: (p: { feature: string; missing: string }) =>
    `${p.feature} cannot be used without ${p.missing}. Set what is missing, or unset the rest.`,
  PS_CONFIG_CONFLICT: (p: { given: string; other: string }) =>
    `${p.given} and ${p.other} exclude each other. Unset one of them.`,
  PS_SECRET_FILE: (p: { name: string; reason: string }) =>
    `The file of ${p.name} cannot be used: ${p.reason}. Name a file that this user may read and that holds the secret.`,
  PS_JAVA_MISSING: (p: { hint: string }) => `QuestDB needs Java 17 or newer. ${p.hint}`,
  PS_DATA_DIR_HELD: (p: { dataDir: string; pid: number; url: string }) =>
    `${p.dataDir} is in use by Perfscope process ${p.pid} (${p.url}). Stop that one, or set PERFORMANCE_DATA_DIR to another folder.`,
  PS_DATA_DIR_UNUSABLE: (p: { dataDir: string; reason: string }) =>
    `${p.dataDir} cannot be used: ${p.reason}. Set PERFORMANCE_DATA_DIR to a folder that this user may write.`,
  PS_NOT_A_DATA_DIR: (p: { dataDir: string }) =>
    `${p.dataDir} was not made by Perfscope, so it is left alone. Set PERFORMANCE_DATA_DIR to the folder that is meant.`,
  PS_PORT_TAKEN: (p: { host: string; port: number }) =>
    `${p.host}:${p.port} is taken by another program. Set PORT to a free one, or unset it to have one found.`,
  PS_QUESTDB_START_FAILED: (p: { reason: string; logFile: string }) =>
    `QuestDB did not start: ${p.reason}. Its own log is ${p.logFile}.`,
  PS_QUESTDB_UNREACHABLE: (p: { url: string; reason: string }) =>
    `QuestDB at ${p.url} does not answer: ${p.reason}. Check PERFORMANCE_QUESTDB_URL and that it runs.`,
  PS_QUESTDB_REFUSED: (p: { status: number; reason: string }) =>
    `QuestDB refused the request (HTTP ${p.status}): ${p.reason}. Check PERFORMANCE_QUESTDB_USER, _PASSWORD and _TOKEN.`,
  PS_NOT_READY: (p: { url: string; reason: string }) =>
    `${p.url} is not ready: ${p.reason}. Look at what the server says, and at its QuestDB.`,
  PS_GRAFANA_UNREACHABLE: (p: { url: string; reason: string }) =>
    `Grafana at ${p.url} does not answer: ${p.reason}. Check the address after --push, and that Grafana runs.`,
  PS_GRAFANA_REFUSED: (p: { url: string; act: string; status: number; reason: string }) =>
    `Grafana at ${p.url} did not ${p.act} (HTTP ${p.status}): ${p.reason}.`,
  PS_SCHEMA_NEWER: (p: { found: number; known: number }) =>
    `The database has schema version ${p.found}, this Perfscope knows up to ${p.known}. Upgrade Perfscope, or use another database.`,
  PS_ROW_INVALID: (p: { field: string; reason: string }) =>
    `A measurement was dropped: ${p.field} ${p.reason}.`,
  PS_ROWS_DROPPED: (p: { rows: number; reason: string }) =>
    `${p.rows} rows were dropped: ${p.reason}.`,
  PS_SPOOL_UNWRITABLE: (p: { dir: string; reason: string }) =>
    `The spool ${p.dir} cannot be written (${p.reason}): rows wait in memory. Set PERFORMANCE_SPOOL_DIR to a writable folder.`,
  PS_BATCH_REFUSED: (p: { table: string; rows: number; reason: string; file: string }) =>
    `QuestDB refused ${p.rows} rows of ${p.table} (${p.reason}). They are kept in ${p.file}.`,
  PS_FLUSH_TIMEOUT: (p: { rows: number; seconds: number }) =>
    `${p.rows} rows were not acknowledged by QuestDB within ${p.seconds} s. They are safe in the spool and will be sent later.`,
  PS_NO_TARGET: (_p: Record<never, never>) =>
    'No Perfscope server runs on this machine, so nothing is measured. Start one with `npx perfscope serve`, or set PERFORMANCE_QUESTDB_URL.',
  PS_PART_FAILED: (p: { part: string; reason: string }) =>
    `${p.part} could not be started and is left out (${p.reason}). The application is not affected.`,
  PS_SERIES_LIMIT: (_p: Record<never, never>) =>
    'There are more combinations of routes, statements and tenants than one process keeps apart. Totals stay exact; what is new is counted together, without its names.',
  PS_TENANT_REFUSED: (p: { field: string; reason: string }) =>
    `The ${p.field} of a request was not taken: it ${p.reason}. The request is counted without it.`,
  PS_QUEUE_AWAY: (p: { queue: string }) =>
    `The Redis of queue ${p.queue} does not answer: its depth is not known until it is back.`,
  PS_DEMO_INCOMPLETE: (p: { reason: string }) =>
    `The demo needs packages that are not installed (${p.reason}). Install them: npm install bullmq ioredis`,
  PS_DOCTOR_FAILED: (p: { app: string; reason: string }) =>
    `${p.app} could not be examined: ${p.reason}. Check that it starts with \`node ${p.app}\`.`,
  PS_RULES_INVALID: formatFileError,
  PS_NOTIFY_INVALID: formatFileError,
  PS_BUSINESS_RULES_INVALID: formatFileError,
  PS_JOURNAL_UNWRITABLE: (p: { folder: string; reason: string }) =>
    `The journal of notifications in ${p.folder} cannot be written (${p.reason}): messages are delivered, but those under way would be lost with the process. Free the disk, or set PERFORMANCE_DATA_DIR to a writable folder.`,
  PS_RECEIVER_UNKNOWN: (p: {
    name: string;
    nearest?: string | undefined;
    known: readonly string[];
  }) =>
    `There is no receiver ${p.name}.${p.nearest ? ` Did you mean ${p.nearest}?` : ''} Known are ${p.known.join(', ')}.`,
  PS_REQUEST_INVALID: (p: { reason: string; errors?: readonly object[] }) =>
    `The request is not valid: ${p.reason}.`,
  PS_NOT_FOUND: (p: { path: string; nearest?: string | undefined }) =>
    `There is nothing at ${p.path}.${p.nearest ? ` Did you mean ${p.nearest}?` : ''} /api/openapi.json lists the endpoints.`,
  PS_METHOD_NOT_ALLOWED: (p: { method: string; path: string; allowed: string }) =>
    `${p.path} does not answer ${p.method}. It answers ${p.allowed}.`,
  PS_TABLE_SUSPENDED: (p: { tables: string }) =>
    `QuestDB takes rows of ${p.tables} without storing them: the table is suspended. Free its disk, then run ALTER TABLE … RESUME WAL in its console.`,
  PS_UNAVAILABLE: (p: { reason: string }) => `Not available at the moment: ${p.reason}. Try again.`,
  PS_REQUEST_TOO_LARGE: (_p: Record<never, never>) =>
    'The answer would be too large. Ask for fewer groups, a larger step or a shorter time range.',
  PS_UNAUTHENTICATED: (p: { reason: string }) =>
    `It is not known who asks: ${p.reason}. Send a key that \`perfscope keys create\` has made as \`Authorization: Bearer …\`.`,
  PS_FORBIDDEN: (p: { role: string; act: string }) =>
    `${p.role} may not ${p.act}. Ask an administrator for a key with another role.`,
  PS_TOO_MANY_REQUESTS: (p: { limit: number; seconds: number }) =>
    `More than ${p.limit} requests came within a minute. Wait ${p.seconds} s, or raise PERFORMANCE_API_RATE_LIMIT.`,
  PS_KEY_INVALID: (p: { reason: string }) => `The key was not made: ${p.reason}.`,
  PS_KEY_NOT_FOUND: (p: { id: string }) =>
    `There is no key ${p.id}. \`perfscope keys list\` shows all.`,
  PS_EXPOSED: (p: { host: string }) =>
    `HOST=${p.host} can be reached from other machines, and no key protects what is stored. Make one first: \`perfscope keys create --role ADMIN --name admin\`, or set the PERFORMANCE_JWT_* variables, or HOST=127.0.0.1.`,
  PS_QUERY_TOO_LONG: (_p: Record<never, never>) =>
    'The query took too long and was ended. Ask for a shorter time range, fewer groups or a larger step.',
  PS_FILE_EXISTS: (p: { file: string }) =>
    `${p.file} exists already and is left as it is. Choose another name, or overwrite it with --force.`,
  PS_EXPORT_FAILED: (p: { file: string; reason: string }) =>
    `${p.file} could not be written: ${p.reason}. Nothing of it is left; try again.`,
  PS_FOLDER_NOT_EMPTY: (p: { folder: string }) =>
    `${p.folder} is there already and is left as it is. Choose another folder; restore moves it aside with --force.`,
  PS_BACKUP_FOREIGN: (p: { url: string }) =>
    `The QuestDB at ${p.url} is not Perfscope's own, so its files can't be reached. On its machine: run CHECKPOINT CREATE, copy its root folder, run CHECKPOINT RELEASE.`,
  PS_BACKUP_FAILED: (p: { reason: string }) =>
    `The backup was not finished: ${p.reason}. Nothing of it is left.`,
  PS_BACKUP_DAMAGED: (p: { folder: string; reason: string }) =>
    `${p.folder} is not a whole backup: ${p.reason}. Use another one.`,
  PS_RESTORE_FAILED: (p: { dataDir: string; reason: string }) =>
    `${p.dataDir} was not restored: ${p.reason}. A folder that was moved aside is beside it.`,
  PS_CHANNEL_SECRET: (p: { file: string; reason: string }) =>
    `${p.file} is not used: ${p.reason}. It must be a file that its owner alone may read, with what docs/channels.md says.`,
  PS_CHANNEL_INVALID: (p: { channel: string; reason: string }) =>
    `The channel ${p.channel} cannot be used: ${p.reason}. docs/channels.md shows how it is set up.`,
  PS_BREAKER_INVALID: (p: { name: string; reason: string }) =>
    `The breaker ${p.name} cannot be made: ${p.reason}. docs/actions.md shows its options.`,
  PS_BREAKER_OPEN: (p: { name: string }) =>
    `${p.name} was not called: its breaker is open. It is tried again by itself; give protect() a fallback to answer meanwhile.`,
  PS_BREAKER_TIMEOUT: (p: { name: string; timeoutMs: number }) =>
    `${p.name} did not answer within ${p.timeoutMs} ms. Raise timeoutMs where that is usual, or give protect() a fallback.`,
  PS_SQL_REFUSED: (p: { reason: string }) =>
    `The statement was not run: ${p.reason}. One SELECT that reads tables is allowed.`,
} as const;

export type ErrorCode = keyof typeof ERROR_MESSAGES;
type ErrorParams<C extends ErrorCode> = Parameters<(typeof ERROR_MESSAGES)[C]>[0];

/** Every code of the catalogue, for the test that compares it with the documentation. */
export const ERROR_CODES = Object.keys(ERROR_MESSAGES) as ErrorCode[];

export class PerfscopeError extends Error {
  override readonly name = 'PerfscopeError';
  readonly code: ErrorCode;
  readonly params: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, params: Record<string, unknown>, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.params = params;
  }
}

/** Makes the error `code` with its message filled from `params`. */
export function createError<C extends ErrorCode>(
  code: C,
  params: ErrorParams<C>,
  cause?: unknown,
): PerfscopeError {
  const message = (ERROR_MESSAGES[code] as (p: ErrorParams<C>) => string)(params);
  return new PerfscopeError(code, message, params as Record<string, unknown>, cause);
}

/** The words of any thrown value, for a message. */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return errorMessage(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
