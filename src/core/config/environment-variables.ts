import { DAY_MS } from '../duration.ts';
import {
  booleanVariable,
  headerVariable,
  integerVariable,
  listVariable,
  percentVariable,
  secretVariable,
  sentryDsnVariable,
  stringVariable,
  timeZoneVariable,
  trustedUrlVariable,
  urlVariable,
} from './variable-parsers.ts';

/** Paths that are not counted unless the application says otherwise: probes, not users. */
const HEALTH_CHECK_PATHS = ['/healthz', '/readyz', '/livez', '/health', '/metrics'] as const;

/**
 * Every `PERFORMANCE_*`, `SYSTEM_HEALTH_*` and server variable that the product reads. The README
 * shows this list, and a name with one of those prefixes that is not here is refused.
 */
export const VARIABLES = {
  PERFORMANCE_MONITORING_ENABLED: booleanVariable(true, 'Measure at all.'),
  PERFORMANCE_BUFFER_SIZE: integerVariable(
    100,
    [1, 100_000],
    'Measurements that are collected before they are written.',
  ),
  PERFORMANCE_FLUSH_INTERVAL: integerVariable(
    30_000,
    [100, DAY_MS],
    'Longest time in ms before they are written, and the interval of histograms.',
  ),
  PERFORMANCE_RETENTION_DAYS: integerVariable(30, [1, 3650], 'Days that measurements are kept.'),
  PERFORMANCE_RETENTION_MINUTE_DAYS: integerVariable(
    90,
    [1, 3650],
    'Days that their sums by the minute are kept.',
  ),
  PERFORMANCE_RETENTION_HOUR_DAYS: integerVariable(
    730,
    [7, 36_500],
    'Days that their sums by the hour are kept, in whole weeks.',
  ),
  PERFORMANCE_TIME_ZONE: timeZoneVariable(
    "Zone whose days and hours are compared. Unset: the system's.",
  ),
  SYSTEM_HEALTH_INTERVAL: integerVariable(60_000, [100, DAY_MS], 'Time in ms between health rows.'),
  SYSTEM_HEALTH_ENABLED: booleanVariable(true, 'Write health rows.'),
  PERFORMANCE_RESPONSE_TIME_WARNING: integerVariable(
    2000,
    [1, DAY_MS],
    'Average response time in ms from which health is degraded.',
  ),
  PERFORMANCE_RESPONSE_TIME_CRITICAL: integerVariable(
    5000,
    [1, DAY_MS],
    'Average response time in ms from which health is unhealthy.',
  ),
  PERFORMANCE_ERROR_RATE_THRESHOLD: percentVariable(
    5,
    'Share of failed requests in percent from which health is degraded.',
  ),
  PERFORMANCE_QUEUE_DEPTH_THRESHOLD: integerVariable(
    50,
    [1, 1e9],
    'Waiting jobs from which a queue is marked as deep.',
  ),
  PERFORMANCE_ALERTS_ENABLED: booleanVariable(true, 'Evaluate alert rules on the server.'),
  PERFORMANCE_RULES_FILE: stringVariable<string | undefined>(
    undefined,
    'YAML file with alert rules beside the built-in ones; read again when it changes.',
  ),
  PERFORMANCE_BUSINESS_RULES_FILE: stringVariable<string | undefined>(
    undefined,
    'YAML file with business rules; read again when it changes.',
  ),
  PERFORMANCE_SERVER_URL: urlVariable(
    ['http:', 'https:'],
    'Server that a service asks for decisions and alerts. Unset: that of this machine.',
  ),
  PERFORMANCE_API_KEY: secretVariable(8, 'Key that a service asks that server with.'),
  PERFORMANCE_API_KEY_FILE: stringVariable<string | undefined>(
    undefined,
    'File that holds that key.',
  ),
  PERFORMANCE_HEARTBEAT_URL: urlVariable(
    ['http:', 'https:'],
    'Address that is called after each round of evaluations, for a watch from outside.',
  ),
  PERFORMANCE_NOTIFY_FILE: stringVariable<string | undefined>(
    undefined,
    'YAML file with receivers, people and routes of notifications; read again when it changes.',
  ),
  PERFORMANCE_PUBLIC_URL: urlVariable(
    ['http:', 'https:'],
    'Address under which people reach the server, for links in messages. Unset: without links.',
  ),
  PERFORMANCE_SENTRY_DSN: sentryDsnVariable(
    'DSN of a Sentry-compatible server that errors are forwarded to. Unset: none.',
  ),
  PORT: integerVariable<number | undefined>(
    undefined,
    [0, 65_535],
    'Port of the server. Unset: 4001, or the next free one.',
  ),
  HOST: stringVariable('127.0.0.1', 'Address that the server listens on.'),
  PERFORMANCE_DATA_DIR: stringVariable(
    './.perfscope',
    'Folder of the embedded QuestDB and of the spool.',
  ),
  PERFORMANCE_SPOOL_DIR: stringVariable<string | undefined>(
    undefined,
    'Folder where rows wait for QuestDB. Unset: `spool` in the data folder.',
  ),
  PERFORMANCE_SPOOL_MAX_BYTES: integerVariable(
    512 * 1024 * 1024,
    [64 * 1024, Number.MAX_SAFE_INTEGER],
    'Size in bytes from which the oldest waiting rows are dropped.',
  ),
  PERFORMANCE_QUESTDB_URL: urlVariable(
    ['http:', 'https:'],
    'HTTP address of an existing QuestDB, instead of the embedded one.',
  ),
  PERFORMANCE_QUESTDB_PG_URL: urlVariable(
    ['postgresql:', 'postgres:'],
    'Its Postgres address for reading. Unset: port 8812 of the same host, with the same user.',
  ),
  PERFORMANCE_QUESTDB_PG_URL_FILE: stringVariable<string | undefined>(
    undefined,
    'File that holds that address with its password.',
  ),
  PERFORMANCE_QUESTDB_USER: stringVariable<string | undefined>(undefined, 'User of that QuestDB.'),
  PERFORMANCE_QUESTDB_PASSWORD: stringVariable<string | undefined>(
    undefined,
    'Password of that user.',
  ),
  PERFORMANCE_QUESTDB_PASSWORD_FILE: stringVariable<string | undefined>(
    undefined,
    'File that holds that password.',
  ),
  PERFORMANCE_QUESTDB_TOKEN: stringVariable<string | undefined>(
    undefined,
    'Bearer token, instead of user and password.',
  ),
  PERFORMANCE_QUESTDB_TOKEN_FILE: stringVariable<string | undefined>(
    undefined,
    'File that holds that token.',
  ),
  PERFORMANCE_ORGANIZATION_HEADER: headerVariable('Request header that names the organization.'),
  PERFORMANCE_PROPERTY_HEADER: headerVariable('Request header that names the property.'),
  PERFORMANCE_USER_HEADER: headerVariable('Request header that names the user.'),
  PERFORMANCE_JOB_DATA: booleanVariable(false, 'Store data and results of queue jobs.'),
  PERFORMANCE_IGNORE_ROUTES: listVariable(
    HEALTH_CHECK_PATHS,
    'Paths that are not measured; a `*` at the end stands for any rest.',
  ),
  PERFORMANCE_JWT_ISSUER: stringVariable<string | undefined>(
    undefined,
    'Issuer (`iss`) whose JSON Web Tokens are accepted. Unset: keys only.',
  ),
  PERFORMANCE_JWT_AUDIENCE: stringVariable<string | undefined>(
    undefined,
    'Audience (`aud`) that such a token must name.',
  ),
  PERFORMANCE_JWT_JWKS_URL: trustedUrlVariable("Address of the issuer's public keys."),
  PERFORMANCE_JWT_SECRET: secretVariable(
    32,
    'Secret that the issuer signs with (HS256), instead of public keys.',
  ),
  PERFORMANCE_JWT_SECRET_FILE: stringVariable<string | undefined>(
    undefined,
    'File that holds that secret.',
  ),
  PERFORMANCE_METRICS_TOKEN: secretVariable(
    16,
    'Bearer token that may scrape `/metrics`, and no more.',
  ),
  PERFORMANCE_METRICS_TOKEN_FILE: stringVariable<string | undefined>(
    undefined,
    'File that holds that token.',
  ),
  PERFORMANCE_GRAFANA_TOKEN: stringVariable<string | undefined>(
    undefined,
    'Token of a Grafana service account, for `perfscope grafana --push`.',
  ),
  PERFORMANCE_GRAFANA_TOKEN_FILE: stringVariable<string | undefined>(
    undefined,
    'File that holds that token.',
  ),
  PERFORMANCE_API_RATE_LIMIT: integerVariable(
    12_000,
    [1, 1e9],
    'Requests a minute that one key, token or address may send to the API.',
  ),
} as const;

export type VariableName = keyof typeof VARIABLES;

/** What each variable's value is once it has been read. */
export type VariableValues = {
  readonly [N in VariableName]: (typeof VARIABLES)[N]['fallback'] extends infer F
    ? F | NonNullable<ReturnType<(typeof VARIABLES)[N]['parse']>>
    : never;
};
