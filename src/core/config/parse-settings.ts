import { findClosestMatch } from '../did-you-mean.ts';
import { DAY_MS } from '../duration.ts';
import { createError, errorMessage, type PerfscopeError } from '../perfscope-error.ts';
import type { Retention } from '../schema/rollup-definitions.ts';
import { type OtlpSettings, parseOtlpSettings } from './otlp-settings.ts';
import { readSecretFile } from './secret-file.ts';
import { VARIABLES, type VariableName, type VariableValues } from './setting-definitions.ts';
import type { Variable } from './variable-parsers.ts';

export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

export interface ParsedSettings {
  /** The value of each variable. An invalid value is replaced by the default. */
  readonly settings: Settings;
  /** One error for each unknown name and each invalid value. */
  readonly problems: readonly PerfscopeError[];
}

/** The values of all variables, including the supported OpenTelemetry variables. */
export interface Settings extends VariableValues {
  /** `PERFORMANCE_TIME_ZONE`, or the system's time zone. */
  readonly timeZone: string;
  readonly prometheusPort: number | undefined;
  readonly prometheusHost: string;
  /** Interval between metric exports, in ms. */
  readonly exportIntervalMs: number;
  readonly retention: Retention;
  /** Whether Perfscope records anything. */
  readonly enabled: boolean;
  /** The OTLP export. Undefined if metrics aren't sent over OTLP. */
  readonly otlp: OtlpSettings | undefined;
  /** The trusted token issuer. If undefined, JSON Web Tokens are rejected. */
  readonly jwt: JwtSettings | undefined;
}

const OWN_VARIABLE_PATTERN = /^(PERFORMANCE|SYSTEM_HEALTH)_/;
const SECRET_NAME_PATTERN = /PASSWORD|TOKEN|SECRET|KEY/;
const URL_CREDENTIALS_PATTERN = /\/\/[^/@\s]*@/;

/**
 * Reads the environment variables and the secret files that they name. It never throws. Instead, it
 * returns `problems`.
 */
export function parseSettings(environment: EnvironmentVariables): ParsedSettings {
  const problems: PerfscopeError[] = [];
  const env = resolveSecretFiles(environment, problems);
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(VARIABLES) as VariableName[]) {
    values[name] = readVariable(name, VARIABLES[name] as Variable<unknown>, env[name], problems);
  }
  for (const name of Object.keys(env)) {
    if (OWN_VARIABLE_PATTERN.test(name) && !Object.hasOwn(VARIABLES, name)) {
      const nearest = findClosestMatch(name, Object.keys(VARIABLES));
      problems.push(createError('PS_CONFIG_UNKNOWN', nearest ? { name, nearest } : { name }));
    }
  }
  const variables = values as VariableValues;
  const settings = Object.freeze({
    ...variables,
    // Read on demand, because the first use of `Intl` takes 13 ms and the agent rarely needs it.
    get timeZone() {
      return variables.PERFORMANCE_TIME_ZONE ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    },
    prometheusPort: readOtelInteger('OTEL_EXPORTER_PROMETHEUS_PORT', env, 65_535, problems),
    prometheusHost: env.OTEL_EXPORTER_PROMETHEUS_HOST || '127.0.0.1',
    exportIntervalMs:
      readOtelInteger('OTEL_METRIC_EXPORT_INTERVAL', env, DAY_MS, problems) ??
      variables.PERFORMANCE_FLUSH_INTERVAL,
    retention: {
      rawDays: variables.PERFORMANCE_RETENTION_DAYS,
      minuteDays: variables.PERFORMANCE_RETENTION_MINUTE_DAYS,
      hourDays: variables.PERFORMANCE_RETENTION_HOUR_DAYS,
    },
    enabled: variables.PERFORMANCE_MONITORING_ENABLED && !readSdkDisabled(env, problems),
    otlp: variables.PERFORMANCE_OTLP_EXPORT ? parseOtlpSettings(env, problems) : undefined,
    jwt: readJwtSettings(variables, problems),
  });
  return { settings, problems };
}

function readVariable(
  name: string,
  variable: Variable<unknown>,
  text: string | undefined,
  problems: PerfscopeError[],
): unknown {
  // As in the OpenTelemetry specification, an empty variable is the same as an unset variable.
  if (text === undefined || text.trim() === '') return variable.fallback;
  const value = variable.parse(text.trim());
  if (value !== undefined) return value;
  const shown = SECRET_NAME_PATTERN.test(name)
    ? '(hidden)'
    : text.replace(URL_CREDENTIALS_PATTERN, '//(hidden)@').slice(0, 100);
  problems.push(
    createError('PS_CONFIG_INVALID', { name, value: shown, allowed: variable.allowed }),
  );
  return variable.fallback;
}

function readOtelInteger(
  name: string,
  env: EnvironmentVariables,
  max: number,
  problems: PerfscopeError[],
): number | undefined {
  const text = env[name]?.trim();
  if (!text) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  const allowed = `a whole number from 1 to ${max}`;
  problems.push(createError('PS_CONFIG_INVALID', { name, value: text.slice(0, 100), allowed }));
  return undefined;
}

/** As in the OpenTelemetry specification, only `true` disables anything. */
function readSdkDisabled(env: EnvironmentVariables, problems: PerfscopeError[]): boolean {
  const name = 'OTEL_SDK_DISABLED';
  const text = env[name]?.trim().toLowerCase();
  if (!text || text === 'false') return false;
  if (text === 'true') return true;
  const value = text.slice(0, 100);
  problems.push(createError('PS_CONFIG_INVALID', { name, value, allowed: 'true or false' }));
  return false;
}

/** The trusted issuer of JSON Web Tokens. */
export interface JwtSettings {
  readonly issuer: string;
  readonly audience: string;
  /** The URL of the issuer's public keys, or the secret that the issuer and the server share. */
  readonly keys: { readonly jwksUrl: string } | { readonly secret: string };
}

/** Combines the JWT variables. Returns undefined if they are unset or incomplete. */
function readJwtSettings(
  values: VariableValues,
  problems: PerfscopeError[],
): JwtSettings | undefined {
  const {
    PERFORMANCE_JWT_ISSUER: issuer,
    PERFORMANCE_JWT_AUDIENCE: audience,
    PERFORMANCE_JWT_JWKS_URL: jwksUrl,
    PERFORMANCE_JWT_SECRET: secret,
  } = values;
  if (jwksUrl !== undefined && secret !== undefined) {
    const [given, other] = ['PERFORMANCE_JWT_JWKS_URL', 'PERFORMANCE_JWT_SECRET'];
    problems.push(createError('PS_CONFIG_CONFLICT', { given, other }));
    return undefined;
  }
  const keys = jwksUrl !== undefined ? { jwksUrl } : secret !== undefined ? { secret } : undefined;
  if (issuer !== undefined && audience !== undefined && keys) return { issuer, audience, keys };
  const required = [
    ['PERFORMANCE_JWT_ISSUER', issuer],
    ['PERFORMANCE_JWT_AUDIENCE', audience],
    ['PERFORMANCE_JWT_JWKS_URL or PERFORMANCE_JWT_SECRET', keys],
  ] as const;
  const missing = required.filter(([, value]) => value === undefined).map(([name]) => name);
  if (missing.length < required.length) {
    const names = missing.join(' and ');
    problems.push(
      createError('PS_CONFIG_INCOMPLETE', { feature: 'JSON Web Tokens', missing: names }),
    );
  }
  return undefined;
}

const FILE_SUFFIX = '_FILE';

/**
 * Variables that can be read from a file, so that they don't appear in a container's environment.
 */
const SECRET_FILE_VARIABLES = (Object.keys(VARIABLES) as VariableName[])
  .filter((name) => name.endsWith(FILE_SUFFIX))
  .map((file) => ({ file, name: file.slice(0, -FILE_SUFFIX.length) }))
  .filter(({ name }) => Object.hasOwn(VARIABLES, name));

/**
 * Returns the environment with the secrets from the files in `NAME_FILE` variables. White space at
 * the start and end of a file is ignored.
 */
function resolveSecretFiles(
  env: EnvironmentVariables,
  problems: PerfscopeError[],
): EnvironmentVariables {
  const secrets: Record<string, string> = {};
  for (const { file, name } of SECRET_FILE_VARIABLES) {
    const path = env[file]?.trim();
    if (!path) continue;
    if (env[name]?.trim()) {
      problems.push(createError('PS_CONFIG_CONFLICT', { given: name, other: file }));
      continue;
    }
    try {
      secrets[name] = readSecretFile(path);
    } catch (error) {
      problems.push(createError('PS_SECRET_FILE', { name: file, reason: errorMessage(error) }));
    }
  }
  return { ...env, ...secrets };
}
