import { readFileSync } from 'node:fs';
import { findClosestMatch } from '../did-you-mean.ts';
import { DAY_MS } from '../duration.ts';
import { createError, errorMessage, type PerfscopeError } from '../errors.ts';
import type { Retention } from '../schema/rollup-definitions.ts';
import { VARIABLES, type VariableName, type VariableValues } from './environment-variables.ts';
import type { Variable } from './variable-parsers.ts';

export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

export interface ParsedSettings {
  /** Every variable's value; the default where the given one is not valid. */
  readonly settings: Settings;
  /** One coded error for each unknown name and each invalid value. */
  readonly problems: readonly PerfscopeError[];
}

/** The variables' values, and the standard OpenTelemetry ones that the product honours. */
export interface Settings extends VariableValues {
  readonly prometheusPort: number | undefined;
  readonly prometheusHost: string;
  /** Interval of metric export in ms. */
  readonly exportIntervalMs: number;
  readonly retention: Retention;
  /** Whether measuring is wanted at all. */
  readonly enabled: boolean;
  /** Whose tokens are believed; undefined: nobody's. */
  readonly jwt: JwtSettings | undefined;
}

const OWN_VARIABLE_PATTERN = /^(PERFORMANCE|SYSTEM_HEALTH)_/;
const SECRET_NAME_PATTERN = /PASSWORD|TOKEN|SECRET|KEY/;
const URL_CREDENTIALS_PATTERN = /\/\/[^/@\s]*@/;

/** Reads the environment, and the files of secrets that it names, into frozen settings. Never throws: what is wrong is in `problems`. */
export function parseSettings(given: EnvironmentVariables): ParsedSettings {
  const problems: PerfscopeError[] = [];
  const env = resolveSecretFiles(given, problems);
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(VARIABLES) as VariableName[]) {
    values[name] = readVariable(name, VARIABLES[name] as Variable<unknown>, env[name], problems);
  }
  for (const name of Object.keys(env)) {
    if (OWN_VARIABLE_PATTERN.test(name) && !Object.hasOwn(VARIABLES, name)) {
      const near = findClosestMatch(name, Object.keys(VARIABLES));
      problems.push(createError('PS_CONFIG_UNKNOWN', near ? { name, nearest: near } : { name }));
    }
  }
  const known = values as VariableValues;
  const settings = Object.freeze({
    ...known,
    prometheusPort: readOtelInteger('OTEL_EXPORTER_PROMETHEUS_PORT', env, 65_535, problems),
    prometheusHost: env.OTEL_EXPORTER_PROMETHEUS_HOST || '127.0.0.1',
    exportIntervalMs:
      readOtelInteger('OTEL_METRIC_EXPORT_INTERVAL', env, DAY_MS, problems) ??
      known.PERFORMANCE_FLUSH_INTERVAL,
    retention: {
      rawDays: known.PERFORMANCE_RETENTION_DAYS,
      minuteDays: known.PERFORMANCE_RETENTION_MINUTE_DAYS,
      hourDays: known.PERFORMANCE_RETENTION_HOUR_DAYS,
    },
    enabled: known.PERFORMANCE_MONITORING_ENABLED && env.OTEL_SDK_DISABLED !== 'true',
    jwt: readJwtSettings(known, problems),
  });
  return { settings, problems };
}

function readVariable(
  name: string,
  variable: Variable<unknown>,
  text: string | undefined,
  problems: PerfscopeError[],
): unknown {
  // An empty variable is an unset one, as everywhere in OpenTelemetry's specification.
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

/** Whose JSON Web Tokens are believed. */
export interface JwtSettings {
  readonly issuer: string;
  readonly audience: string;
  /** Where the issuer's public keys are, or the secret that it shares with this server. */
  readonly keys: { readonly jwksUrl: string } | { readonly secret: string };
}

/** The four variables together; undefined where none is set. */
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
  const needed = [
    ['PERFORMANCE_JWT_ISSUER', issuer],
    ['PERFORMANCE_JWT_AUDIENCE', audience],
    ['PERFORMANCE_JWT_JWKS_URL or PERFORMANCE_JWT_SECRET', keys],
  ] as const;
  const missing = needed.filter(([, value]) => value === undefined).map(([name]) => name);
  if (missing.length < needed.length) {
    const names = missing.join(' and ');
    problems.push(createError('PS_CONFIG_INCOMPLETE', { feature: 'Tokens', missing: names }));
  }
  return undefined;
}

const FILE_SUFFIX = '_FILE';

/** Variables that may stand in a file: whoever lists a container's environment does not see them. */
const SECRET_FILE_VARIABLES = (Object.keys(VARIABLES) as VariableName[])
  .filter((name) => name.endsWith(FILE_SUFFIX))
  .map((file) => ({ file, name: file.slice(0, -FILE_SUFFIX.length) }))
  .filter(({ name }) => Object.hasOwn(VARIABLES, name));

/**
 * The environment with what stands in the files that `NAME_FILE` variables name. White space at the
 * end of a file is not part of its secret.
 */
function resolveSecretFiles(
  env: EnvironmentVariables,
  problems: PerfscopeError[],
): EnvironmentVariables {
  const found: Record<string, string> = {};
  for (const { file, name } of SECRET_FILE_VARIABLES) {
    const path = env[file]?.trim();
    if (!path) continue;
    if (env[name]?.trim()) {
      problems.push(createError('PS_CONFIG_CONFLICT', { given: name, other: file }));
      continue;
    }
    try {
      const secret = readFileSync(path, 'utf8').trim();
      if (secret === '') throw new Error('it is empty');
      found[name] = secret;
    } catch (error) {
      problems.push(createError('PS_SECRET_FILE', { name: file, reason: errorMessage(error) }));
    }
  }
  return { ...env, ...found };
}
