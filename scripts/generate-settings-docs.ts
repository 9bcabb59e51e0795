// Generates the tables of settings in docs/configuration.md from the definitions of the environment variables.
import { readFileSync, writeFileSync } from 'node:fs';
import { VARIABLES, type VariableName } from '../src/core/config/setting-definitions.ts';
import type { Variable } from '../src/core/config/variable-parsers.ts';
import { formatMarkdownTable, replacePart } from './docs/markdown.ts';

const FILE = 'docs/configuration.md';
const HEADERS = ['Variable', 'Default', 'Values', 'Meaning'];

/** The sections of the page, with the variables that each contains. */
export const SETTING_GROUPS: Readonly<Record<string, readonly VariableName[]>> = {
  'Agent and library': [
    'PERFORMANCE_MONITORING_ENABLED',
    'PERFORMANCE_BUFFER_SIZE',
    'PERFORMANCE_FLUSH_INTERVAL',
    'PERFORMANCE_EXIT_TIMEOUT',
    'PERFORMANCE_LAMBDA_FLUSH_TIMEOUT',
    'PERFORMANCE_LAMBDA_HANDLER',
    'PERFORMANCE_AGENT_MAX_CPU',
    'PERFORMANCE_AGENT_MAX_MEMORY',
    'PERFORMANCE_IGNORE_ROUTES',
    'PERFORMANCE_STREAM_ROUTES',
    'PERFORMANCE_JOB_DATA',
    'PERFORMANCE_MESSAGE_HEADERS',
    'PERFORMANCE_SQS_DEPTH',
    'PERFORMANCE_OTLP_EXPORT',
    'SYSTEM_HEALTH_ENABLED',
    'SYSTEM_HEALTH_INTERVAL',
  ],
  Tenants: [
    'PERFORMANCE_ORGANIZATION_HEADER',
    'PERFORMANCE_PROPERTY_HEADER',
    'PERFORMANCE_USER_HEADER',
    'PERFORMANCE_ORGANIZATION_ATTRIBUTE',
    'PERFORMANCE_PROPERTY_ATTRIBUTE',
    'PERFORMANCE_USER_ATTRIBUTE',
  ],
  Server: [
    'HOST',
    'PORT',
    'PERFORMANCE_PUBLIC_URL',
    'PERFORMANCE_DATA_DIR',
    'PERFORMANCE_SPOOL_DIR',
    'PERFORMANCE_SPOOL_MAX_BYTES',
    'PERFORMANCE_MIN_FREE_DISK_BYTES',
    'PERFORMANCE_TIME_ZONE',
  ],
  Retention: [
    'PERFORMANCE_RETENTION_DAYS',
    'PERFORMANCE_RETENTION_MINUTE_DAYS',
    'PERFORMANCE_RETENTION_HOUR_DAYS',
  ],
  'EXPLAIN for suggestions': [
    'PERFORMANCE_EXPLAIN_POSTGRES_URL',
    'PERFORMANCE_EXPLAIN_POSTGRES_URL_FILE',
    'PERFORMANCE_EXPLAIN_MYSQL_URL',
    'PERFORMANCE_EXPLAIN_MYSQL_URL_FILE',
  ],
  'Your own QuestDB': [
    'PERFORMANCE_QUESTDB_URL',
    'PERFORMANCE_QUESTDB_PG_URL',
    'PERFORMANCE_QUESTDB_PG_URL_FILE',
    'PERFORMANCE_QUESTDB_USER',
    'PERFORMANCE_QUESTDB_PASSWORD',
    'PERFORMANCE_QUESTDB_PASSWORD_FILE',
    'PERFORMANCE_QUESTDB_TOKEN',
    'PERFORMANCE_QUESTDB_TOKEN_FILE',
  ],
  'Alerts, notifications, and actions': [
    'PERFORMANCE_ALERTS_ENABLED',
    'PERFORMANCE_RULES_FILE',
    'PERFORMANCE_NOTIFY_FILE',
    'PERFORMANCE_BUSINESS_RULES_FILE',
    'PERFORMANCE_HEARTBEAT_URL',
    'PERFORMANCE_RESPONSE_TIME_WARNING',
    'PERFORMANCE_RESPONSE_TIME_CRITICAL',
    'PERFORMANCE_ERROR_RATE_THRESHOLD',
    'PERFORMANCE_QUEUE_DEPTH_THRESHOLD',
    'PERFORMANCE_SENTRY_DSN',
  ],
  Access: [
    'PERFORMANCE_SERVER_URL',
    'PERFORMANCE_API_KEY',
    'PERFORMANCE_API_KEY_FILE',
    'PERFORMANCE_API_RATE_LIMIT',
    'PERFORMANCE_METRICS_TOKEN',
    'PERFORMANCE_METRICS_TOKEN_FILE',
    'PERFORMANCE_JWT_ISSUER',
    'PERFORMANCE_JWT_AUDIENCE',
    'PERFORMANCE_JWT_JWKS_URL',
    'PERFORMANCE_JWT_SECRET',
    'PERFORMANCE_JWT_SECRET_FILE',
    'PERFORMANCE_GRAFANA_TOKEN',
    'PERFORMANCE_GRAFANA_TOKEN_FILE',
  ],
};

/** Returns the current text of docs/configuration.md. */
export function formatSettingsDocs(): string {
  const sections = Object.entries(SETTING_GROUPS).map(
    ([title, names]) =>
      `### ${title}\n\n${formatMarkdownTable([HEADERS, ...names.map(formatRow)])}\n`,
  );
  const part = { file: FILE, name: 'settings', command: 'settings' };
  return replacePart(readFileSync(FILE, 'utf8'), part, sections.join('\n'));
}

function formatRow(name: VariableName): string[] {
  const { fallback, allowed, description }: Variable<unknown> = VARIABLES[name];
  return [`\`${name}\``, formatDefault(name, fallback), formatAllowed(name, allowed), description];
}

/** The descriptions contain the defaults that depend on the machine or on another setting. */
function formatDefault(name: VariableName, fallback: unknown): string {
  if (name === 'PERFORMANCE_TIME_ZONE') return 'system time zone';
  const text = Array.isArray(fallback) ? fallback.join(',') : String(fallback ?? '');
  return text === '' ? '' : `\`${text}\``;
}

/** Shortens the end of "it must be …" to the content of a table cell, such as `1 to 100,000`. */
function formatAllowed(name: string, allowed: string): string {
  if (/_(?:FILE|DIR)$/.test(name)) return 'path';
  return allowed
    .replace(/^(?:a|an|the) /, '')
    .replace(/^(?:whole )?number from /, '')
    .replace('URL that begins with http:// or https://', 'URL')
    .replace(/^token .* (\d+) characters.*/, (_, min) =>
      min === '1' ? 'token' : `token of ${min} or more characters`,
    )
    .replace(` to ${Number.MAX_SAFE_INTEGER}`, ' or more')
    .replaceAll(/\d{5,}/g, (digits) => Number(digits).toLocaleString('en'));
}

if (import.meta.main) writeFileSync(FILE, formatSettingsDocs());
