import { flag, header, list, percent, text, url, wholeNumber } from './variable.ts';

const DAY_MS = 86_400_000;

/** Paths that are not counted unless the application says otherwise: probes, not users. */
const HEALTH_CHECKS = ['/healthz', '/readyz', '/livez', '/health', '/metrics'] as const;

/**
 * Every `PERFORMANCE_*`, `SYSTEM_HEALTH_*` and server variable that the product reads. The README
 * shows this list, and a name with one of those prefixes that is not here is refused.
 */
export const VARIABLES = {
  PERFORMANCE_MONITORING_ENABLED: flag(true, 'Measure at all.'),
  PERFORMANCE_BUFFER_SIZE: wholeNumber(
    100,
    [1, 100_000],
    'Measurements that are collected before they are written.',
  ),
  PERFORMANCE_FLUSH_INTERVAL: wholeNumber(
    30_000,
    [100, DAY_MS],
    'Longest time in ms before they are written, and the interval of histograms.',
  ),
  PERFORMANCE_RETENTION_DAYS: wholeNumber(30, [1, 3650], 'Days that measurements are kept.'),
  SYSTEM_HEALTH_INTERVAL: wholeNumber(60_000, [100, DAY_MS], 'Time in ms between health rows.'),
  SYSTEM_HEALTH_ENABLED: flag(true, 'Write health rows.'),
  PERFORMANCE_RESPONSE_TIME_WARNING: wholeNumber(
    2000,
    [1, DAY_MS],
    'Average response time in ms from which health is degraded.',
  ),
  PERFORMANCE_RESPONSE_TIME_CRITICAL: wholeNumber(
    5000,
    [1, DAY_MS],
    'Average response time in ms from which health is unhealthy.',
  ),
  PERFORMANCE_ERROR_RATE_THRESHOLD: percent(
    5,
    'Share of failed requests in percent from which health is degraded.',
  ),
  PERFORMANCE_QUEUE_DEPTH_THRESHOLD: wholeNumber(
    50,
    [1, 1e9],
    'Waiting jobs from which a queue is marked as deep.',
  ),
  PORT: wholeNumber<number | undefined>(
    undefined,
    [0, 65_535],
    'Port of the server. Unset: 4001, or the next free one.',
  ),
  HOST: text('127.0.0.1', 'Address that the server listens on.'),
  PERFORMANCE_DATA_DIR: text('./.perfscope', 'Folder of the embedded QuestDB and of the spool.'),
  PERFORMANCE_SPOOL_DIR: text<string | undefined>(
    undefined,
    'Folder where rows wait for QuestDB. Unset: `spool` in the data folder.',
  ),
  PERFORMANCE_SPOOL_MAX_BYTES: wholeNumber(
    512 * 1024 * 1024,
    [64 * 1024, Number.MAX_SAFE_INTEGER],
    'Size in bytes from which the oldest waiting rows are dropped.',
  ),
  PERFORMANCE_QUESTDB_URL: url(
    ['http:', 'https:'],
    'HTTP address of an existing QuestDB, instead of the embedded one.',
  ),
  PERFORMANCE_QUESTDB_PG_URL: url(
    ['postgresql:', 'postgres:'],
    'Its Postgres address for reading. Unset: port 8812 of the same host, with the same user.',
  ),
  PERFORMANCE_QUESTDB_USER: text<string | undefined>(undefined, 'User of that QuestDB.'),
  PERFORMANCE_QUESTDB_PASSWORD: text<string | undefined>(undefined, 'Password of that user.'),
  PERFORMANCE_QUESTDB_TOKEN: text<string | undefined>(
    undefined,
    'Bearer token, instead of user and password.',
  ),
  PERFORMANCE_ORGANIZATION_HEADER: header('Request header that names the organization.'),
  PERFORMANCE_PROPERTY_HEADER: header('Request header that names the property.'),
  PERFORMANCE_USER_HEADER: header('Request header that names the user.'),
  PERFORMANCE_JOB_DATA: flag(false, 'Store data and results of queue jobs.'),
  PERFORMANCE_IGNORE_ROUTES: list(
    HEALTH_CHECKS,
    'Paths that are not measured; a `*` at the end stands for any rest.',
  ),
} as const;

export type VariableName = keyof typeof VARIABLES;

/** What each variable's value is once it has been read. */
export type VariableValues = {
  readonly [N in VariableName]: (typeof VARIABLES)[N]['fallback'] extends infer F
    ? F | NonNullable<ReturnType<(typeof VARIABLES)[N]['parse']>>
    : never;
};
