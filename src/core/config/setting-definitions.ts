import { DAY_MS } from '../duration.ts';
import { DEFAULT_TENANT_ATTRIBUTES } from '../otel/mapping/tenant-attributes.ts';
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
  tokenVariable,
  trustedUrlVariable,
  urlVariable,
} from './variable-parsers.ts';

/** Paths that are ignored by default, because probes request them, not users. */
const HEALTH_CHECK_PATHS = ['/healthz', '/readyz', '/livez', '/health', '/metrics'] as const;

/** At most this time, in ms, is noticeable when a command ends. */
export const DEFAULT_EXIT_TIMEOUT_MS = 300;

/**
 * Every environment variable that Perfscope reads, except for the OpenTelemetry variables.
 * `docs/configuration.md` contains this list. An unknown variable that starts with `PERFORMANCE_`
 * or `SYSTEM_HEALTH_` is an error, so that typos don't go unnoticed.
 */
export const VARIABLES = {
  PERFORMANCE_MONITORING_ENABLED: booleanVariable(true, 'Whether Perfscope records measurements.'),
  PERFORMANCE_BUFFER_SIZE: integerVariable(
    100,
    [1, 100_000],
    'Number of rows to buffer before a write.',
  ),
  PERFORMANCE_FLUSH_INTERVAL: integerVariable(
    30_000,
    [100, DAY_MS],
    'Maximum time between writes, in ms. Histograms use the same interval.',
  ),
  PERFORMANCE_EXIT_TIMEOUT: integerVariable(
    DEFAULT_EXIT_TIMEOUT_MS,
    [0, 60_000],
    'Maximum time, in ms, to send the last rows when a process ends. With more than 300 ms, the agent also retries failed writes.',
  ),
  PERFORMANCE_LAMBDA_FLUSH_TIMEOUT: integerVariable(
    200,
    [0, 60_000],
    'Maximum time, in ms, to send the rows of an AWS Lambda invocation before its result is returned. `0` means that rows only wait in the spool.',
  ),
  PERFORMANCE_LAMBDA_HANDLER: stringVariable<string | undefined>(
    undefined,
    'Handler of an AWS Lambda function, such as `src/orders.handler`. Only needed if the handler of the function is the module of the agent.',
  ),
  PERFORMANCE_AGENT_MAX_CPU: percentVariable(
    2,
    'CPU time of the agent, as a percentage of one core, above which the agent records fewer details. `0` means no limit.',
  ),
  PERFORMANCE_AGENT_MAX_MEMORY: integerVariable(
    40_000_000,
    [0, Number.MAX_SAFE_INTEGER],
    'Estimated memory of the agent, in bytes, above which the agent records fewer details. `0` means no limit.',
  ),
  PERFORMANCE_OTLP_EXPORT: booleanVariable(
    true,
    'Whether to send metrics over OTLP if an endpoint is set in `OTEL_EXPORTER_OTLP_ENDPOINT`.',
  ),
  PERFORMANCE_RETENTION_DAYS: integerVariable(
    30,
    [1, 3650],
    'Number of days to keep raw measurements.',
  ),
  PERFORMANCE_RETENTION_MINUTE_DAYS: integerVariable(
    90,
    [1, 3650],
    'Number of days to keep data aggregated by minute.',
  ),
  PERFORMANCE_RETENTION_HOUR_DAYS: integerVariable(
    730,
    [7, 36_500],
    'Number of days to keep data aggregated by hour, rounded up to whole weeks.',
  ),
  PERFORMANCE_TIME_ZONE: timeZoneVariable(
    'Time zone for days and hours in comparisons. Default: the system time zone.',
  ),
  SYSTEM_HEALTH_INTERVAL: integerVariable(
    60_000,
    [100, DAY_MS],
    'Interval between health snapshots, in ms.',
  ),
  SYSTEM_HEALTH_ENABLED: booleanVariable(true, 'Whether to store health snapshots.'),
  PERFORMANCE_RESPONSE_TIME_WARNING: integerVariable(
    2000,
    [1, DAY_MS],
    'Average response time, in ms, above which the health status becomes `degraded`. Also the `warning` threshold of the alert `response-time`.',
  ),
  PERFORMANCE_RESPONSE_TIME_CRITICAL: integerVariable(
    5000,
    [1, DAY_MS],
    'Average response time, in ms, above which the health status becomes `unhealthy`. Also the `critical` threshold of the alert `response-time`.',
  ),
  PERFORMANCE_ERROR_RATE_THRESHOLD: percentVariable(
    5,
    'Percentage of failed requests above which the health status becomes `degraded`. Also the `medium` threshold of the alert `error-rate`.',
  ),
  PERFORMANCE_QUEUE_DEPTH_THRESHOLD: integerVariable(
    50,
    [1, 1e9],
    'Number of waiting jobs above which the alert `queue-depth` fires, with severity `medium`.',
  ),
  PERFORMANCE_ALERTS_ENABLED: booleanVariable(true, 'Whether the server evaluates alert rules.'),
  PERFORMANCE_RULES_FILE: stringVariable<string | undefined>(
    undefined,
    'YAML file that adds or changes alert rules. Reloaded when it changes.',
  ),
  PERFORMANCE_BUSINESS_RULES_FILE: stringVariable<string | undefined>(
    undefined,
    'YAML file with business rules. Reloaded when it changes.',
  ),
  PERFORMANCE_SERVER_URL: urlVariable(
    ['http:', 'https:'],
    'Server that services and `perfscope alerts` use for decisions and alerts. Default: the local server.',
  ),
  PERFORMANCE_API_KEY: tokenVariable(
    8,
    'API key that services and `perfscope alerts` send to the server.',
  ),
  PERFORMANCE_API_KEY_FILE: stringVariable<string | undefined>(
    undefined,
    'File that contains the API key.',
  ),
  PERFORMANCE_HEARTBEAT_URL: urlVariable(
    ['http:', 'https:'],
    'URL to request after each alert evaluation, so an external monitor can detect an outage.',
  ),
  PERFORMANCE_NOTIFY_FILE: stringVariable<string | undefined>(
    undefined,
    'YAML file with notification receivers, people, and routes. Reloaded when it changes.',
  ),
  PERFORMANCE_PUBLIC_URL: urlVariable(
    ['http:', 'https:'],
    'Public URL of the server, for links in messages. If set, every API request needs a key. If unset, messages contain no links.',
  ),
  PERFORMANCE_SENTRY_DSN: sentryDsnVariable(
    'DSN of a Sentry-compatible server that receives a copy of each error.',
  ),
  PORT: integerVariable<number | undefined>(
    undefined,
    [0, 65_535],
    'Port that the server listens on. Default: 4001, or the next free port.',
  ),
  HOST: stringVariable('127.0.0.1', 'Address that the server listens on.'),
  PERFORMANCE_DATA_DIR: stringVariable(
    './.perfscope',
    'Folder for the embedded QuestDB and the spool.',
  ),
  PERFORMANCE_SPOOL_DIR: stringVariable<string | undefined>(
    undefined,
    'Folder for rows that QuestDB has not yet stored. Default: `spool` in the data folder.',
  ),
  PERFORMANCE_SPOOL_MAX_BYTES: integerVariable(
    512 * 1024 * 1024,
    [64 * 1024, Number.MAX_SAFE_INTEGER],
    'Maximum size of the spool, in bytes. If it is exceeded, the oldest rows are dropped.',
  ),
  PERFORMANCE_MIN_FREE_DISK_BYTES: integerVariable(
    undefined,
    [0, Number.MAX_SAFE_INTEGER],
    'Free disk space, in bytes, below which rows stay in the spool and are not written to the embedded QuestDB. Default: 200 MiB, or 5 % of the disk if that is less.',
  ),
  PERFORMANCE_QUESTDB_URL: urlVariable(
    ['http:', 'https:'],
    'HTTP URL of an existing QuestDB to use instead of the embedded QuestDB.',
  ),
  PERFORMANCE_QUESTDB_PG_URL: urlVariable(
    ['postgresql:', 'postgres:'],
    'PostgreSQL URL of the existing QuestDB, for queries. Default: port 8812 on the same host, with the same user.',
  ),
  PERFORMANCE_QUESTDB_PG_URL_FILE: stringVariable<string | undefined>(
    undefined,
    'File that contains the PostgreSQL URL.',
  ),
  PERFORMANCE_QUESTDB_USER: stringVariable<string | undefined>(
    undefined,
    'User name for the existing QuestDB.',
  ),
  PERFORMANCE_QUESTDB_PASSWORD: stringVariable<string | undefined>(
    undefined,
    'Password for the existing QuestDB.',
  ),
  PERFORMANCE_QUESTDB_PASSWORD_FILE: stringVariable<string | undefined>(
    undefined,
    'File that contains the password.',
  ),
  PERFORMANCE_QUESTDB_TOKEN: tokenVariable(
    1,
    'Bearer token for the existing QuestDB, used instead of a user name and password.',
  ),
  PERFORMANCE_QUESTDB_TOKEN_FILE: stringVariable<string | undefined>(
    undefined,
    'File that contains the QuestDB token.',
  ),
  PERFORMANCE_ORGANIZATION_HEADER: headerVariable('Request header that contains the organization.'),
  PERFORMANCE_PROPERTY_HEADER: headerVariable('Request header that contains the property.'),
  PERFORMANCE_USER_HEADER: headerVariable('Request header that contains the user.'),
  PERFORMANCE_ORGANIZATION_ATTRIBUTE: stringVariable(
    DEFAULT_TENANT_ATTRIBUTES.organization,
    'OpenTelemetry attribute that contains the organization, on a resource, a point, or a span.',
  ),
  PERFORMANCE_PROPERTY_ATTRIBUTE: stringVariable(
    DEFAULT_TENANT_ATTRIBUTES.property,
    'OpenTelemetry attribute that contains the property.',
  ),
  PERFORMANCE_USER_ATTRIBUTE: stringVariable(
    DEFAULT_TENANT_ATTRIBUTES.user,
    'OpenTelemetry attribute that contains the user, on a span.',
  ),
  PERFORMANCE_JOB_DATA: booleanVariable(
    false,
    'Whether to store the data and results of queue jobs.',
  ),
  PERFORMANCE_MESSAGE_HEADERS: booleanVariable(
    true,
    "Adds `perfscope` to messages of RabbitMQ, Kafka, and SQS, with the tenant and the time. Jobs of pg-boss and Agenda get the tenant. The agent removes both before the consumer's code runs.",
  ),
  PERFORMANCE_SQS_DEPTH: booleanVariable(
    true,
    'Whether to request the depth of each SQS queue once a minute. Requires the IAM permission `sqs:GetQueueAttributes`.',
  ),
  PERFORMANCE_IGNORE_ROUTES: listVariable(
    HEALTH_CHECK_PATHS,
    'Paths that are not recorded. A `*` at the end matches any suffix.',
  ),
  PERFORMANCE_STREAM_ROUTES: listVariable(
    [],
    'Paths of long polling and other long-lived responses. A `*` at the end matches any suffix.',
  ),
  PERFORMANCE_JWT_ISSUER: stringVariable<string | undefined>(
    undefined,
    'Issuer (`iss`) of accepted JSON Web Tokens. If unset, only API keys are accepted.',
  ),
  PERFORMANCE_JWT_AUDIENCE: stringVariable<string | undefined>(
    undefined,
    'Required audience (`aud`) of a JSON Web Token.',
  ),
  PERFORMANCE_JWT_JWKS_URL: trustedUrlVariable("URL of the issuer's public keys."),
  PERFORMANCE_JWT_SECRET: secretVariable(
    32,
    'Secret that the issuer uses to sign tokens (HS256), as an alternative to public keys.',
  ),
  PERFORMANCE_JWT_SECRET_FILE: stringVariable<string | undefined>(
    undefined,
    'File that contains the JWT secret.',
  ),
  PERFORMANCE_METRICS_TOKEN: tokenVariable(
    16,
    'Bearer token that gives access only to `/metrics`.',
  ),
  PERFORMANCE_METRICS_TOKEN_FILE: stringVariable<string | undefined>(
    undefined,
    'File that contains the metrics token.',
  ),
  PERFORMANCE_GRAFANA_TOKEN: tokenVariable(
    1,
    'Grafana service account token for `perfscope grafana --push`.',
  ),
  PERFORMANCE_GRAFANA_TOKEN_FILE: stringVariable<string | undefined>(
    undefined,
    'File that contains the Grafana token.',
  ),
  PERFORMANCE_EXPLAIN_POSTGRES_URL: urlVariable(
    ['postgresql:', 'postgres:'],
    "URL of your services' PostgreSQL, for `EXPLAIN` of a suggested statement. Use a user that can only read. If unset, Perfscope never connects.",
  ),
  PERFORMANCE_EXPLAIN_POSTGRES_URL_FILE: stringVariable<string | undefined>(
    undefined,
    'File that contains the PostgreSQL URL for `EXPLAIN`.',
  ),
  PERFORMANCE_EXPLAIN_MYSQL_URL: urlVariable(
    ['mysql:', 'mariadb:'],
    "URL of your services' MySQL or MariaDB, for `EXPLAIN` of a suggested statement. Use a user that can only read. If unset, Perfscope never connects.",
  ),
  PERFORMANCE_EXPLAIN_MYSQL_URL_FILE: stringVariable<string | undefined>(
    undefined,
    'File that contains the MySQL URL for `EXPLAIN`.',
  ),
  PERFORMANCE_API_RATE_LIMIT: integerVariable(
    12_000,
    [1, 1e9],
    'Maximum number of API requests per minute for each key, token, or address.',
  ),
} as const;

export type VariableName = keyof typeof VARIABLES;

/** The parsed value of each variable. */
export type VariableValues = {
  readonly [N in VariableName]: (typeof VARIABLES)[N]['fallback'] extends infer F
    ? F | NonNullable<ReturnType<(typeof VARIABLES)[N]['parse']>>
    : never;
};
