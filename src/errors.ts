/**
 * The one catalogue of coded errors. Each entry says what is wrong and what to do;
 * `docs/errors.md` lists the same codes, and a test holds the two together.
 */
const CATALOGUE = {
  PS_CONFIG_UNKNOWN: (p: { name: string; nearest?: string }) =>
    `${p.name} is not a setting of Perfscope.${p.nearest ? ` Did you mean ${p.nearest}?` : ''} The README lists every name.`,
  PS_CONFIG_INVALID: (p: { name: string; value: string; allowed: string }) =>
    `${p.name}=${p.value} is not valid: it must be ${p.allowed}. Correct or unset it.`,
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
  PS_REQUEST_INVALID: (p: { reason: string }) => `The request is not valid: ${p.reason}.`,
  PS_NOT_FOUND: (p: { path: string }) =>
    `There is nothing at ${p.path}. The README lists the endpoints.`,
  PS_UNAVAILABLE: (p: { reason: string }) => `Not available at the moment: ${p.reason}. Try again.`,
} as const;

export type ErrorCode = keyof typeof CATALOGUE;
type Params<C extends ErrorCode> = Parameters<(typeof CATALOGUE)[C]>[0];

/** Every code of the catalogue, for the test that compares it with the documentation. */
export const ERROR_CODES = Object.keys(CATALOGUE) as ErrorCode[];

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
export function coded<C extends ErrorCode>(
  code: C,
  params: Params<C>,
  cause?: unknown,
): PerfscopeError {
  const message = (CATALOGUE[code] as (p: Params<C>) => string)(params);
  return new PerfscopeError(code, message, params as Record<string, unknown>, cause);
}

/** The words of any thrown value, for a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
