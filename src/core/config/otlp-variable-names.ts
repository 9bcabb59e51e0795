import { findClosestMatch } from '../did-you-mean.ts';
import { createError, type PerfscopeError } from '../perfscope-error.ts';

/**
 * Ends of the variables that exist for all signals together and for each signal
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
 */
const SUFFIXES = [
  'ENDPOINT',
  'INSECURE',
  'CERTIFICATE',
  'CLIENT_KEY',
  'CLIENT_CERTIFICATE',
  'HEADERS',
  'COMPRESSION',
  'TIMEOUT',
  'PROTOCOL',
];
const SIGNALS = ['', 'TRACES_', 'METRICS_', 'LOGS_', 'PROFILES_'];
const KNOWN_NAMES = [
  ...SIGNALS.flatMap((signal) => SUFFIXES.map((suffix) => `${signal}${suffix}`)),
  'METRICS_TEMPORALITY_PREFERENCE',
  'METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
  // Obsolete, but SDKs still accept them.
  'SPAN_INSECURE',
  'METRIC_INSECURE',
].map((suffix) => `OTEL_EXPORTER_OTLP_${suffix}`);
const KNOWN = new Set(KNOWN_NAMES);

/** The prefix of the variables, and its usual misspellings. */
const PREFIX_PATTERN = /^OTEL_EXPORT(?:ER|ERS|OR)?_O[A-Z]{2,4}_/;

/**
 * Reports misspelled names of `OTEL_EXPORTER_OTLP_*` variables. Names that are not similar to a standard name can belong to
 * other SDKs, so they aren't reported.
 *
 * @param problems receives an error for each misspelled name
 */
export function checkOtlpVariableNames(
  env: Readonly<Record<string, string | undefined>>,
  problems: PerfscopeError[],
): void {
  for (const name of Object.keys(env)) {
    if (!PREFIX_PATTERN.test(name) || KNOWN.has(name)) continue;
    const nearest = findClosestMatch(name, KNOWN_NAMES);
    if (nearest !== undefined) problems.push(createError('PS_CONFIG_UNKNOWN', { name, nearest }));
  }
}
