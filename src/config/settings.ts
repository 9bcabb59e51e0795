import { coded, type PerfscopeError } from '../errors.ts';
import type { Retention } from '../schema/retention.ts';
import { nearest } from './nearest.ts';
import { withSecretFiles } from './secret-files.ts';
import { readTokenSettings, type TokenSettings } from './token-settings.ts';
import type { Variable } from './variable.ts';
import { VARIABLES, type VariableName, type VariableValues } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

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
  readonly tokens: TokenSettings | undefined;
}

const OURS = /^(PERFORMANCE|SYSTEM_HEALTH)_/;
const SECRET = /PASSWORD|TOKEN|SECRET|KEY/;
const CREDENTIALS_OF_URL = /\/\/[^/@\s]*@/;

/** Reads the environment, and the files of secrets that it names, into frozen settings. Never throws: what is wrong is in `problems`. */
export function parseSettings(given: Environment): ParsedSettings {
  const problems: PerfscopeError[] = [];
  const env = withSecretFiles(given, problems);
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(VARIABLES) as VariableName[]) {
    values[name] = readOne(name, VARIABLES[name] as Variable<unknown>, env[name], problems);
  }
  for (const name of Object.keys(env)) {
    if (OURS.test(name) && !Object.hasOwn(VARIABLES, name)) {
      const near = nearest(name, Object.keys(VARIABLES));
      problems.push(coded('PS_CONFIG_UNKNOWN', near ? { name, nearest: near } : { name }));
    }
  }
  const known = values as VariableValues;
  const settings = Object.freeze({
    ...known,
    prometheusPort: otelNumber('OTEL_EXPORTER_PROMETHEUS_PORT', env, 65_535, problems),
    prometheusHost: env.OTEL_EXPORTER_PROMETHEUS_HOST || '127.0.0.1',
    exportIntervalMs:
      otelNumber('OTEL_METRIC_EXPORT_INTERVAL', env, 86_400_000, problems) ??
      known.PERFORMANCE_FLUSH_INTERVAL,
    retention: {
      rawDays: known.PERFORMANCE_RETENTION_DAYS,
      minuteDays: known.PERFORMANCE_RETENTION_MINUTE_DAYS,
      hourDays: known.PERFORMANCE_RETENTION_HOUR_DAYS,
    },
    enabled: known.PERFORMANCE_MONITORING_ENABLED && env.OTEL_SDK_DISABLED !== 'true',
    tokens: readTokenSettings(known, problems),
  });
  return { settings, problems };
}

function readOne(
  name: string,
  variable: Variable<unknown>,
  text: string | undefined,
  problems: PerfscopeError[],
): unknown {
  // An empty variable is an unset one, as everywhere in OpenTelemetry's specification.
  if (text === undefined || text.trim() === '') return variable.fallback;
  const value = variable.parse(text.trim());
  if (value !== undefined) return value;
  const shown = SECRET.test(name)
    ? '(hidden)'
    : text.replace(CREDENTIALS_OF_URL, '//(hidden)@').slice(0, 100);
  problems.push(coded('PS_CONFIG_INVALID', { name, value: shown, allowed: variable.allowed }));
  return variable.fallback;
}

function otelNumber(
  name: string,
  env: Environment,
  max: number,
  problems: PerfscopeError[],
): number | undefined {
  const text = env[name]?.trim();
  if (!text) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  const allowed = `a whole number from 1 to ${max}`;
  problems.push(coded('PS_CONFIG_INVALID', { name, value: text.slice(0, 100), allowed }));
  return undefined;
}
