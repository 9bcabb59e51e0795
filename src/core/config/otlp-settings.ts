/*
 * The settings of the OTLP export, from the standard variables
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
 */
import { DAY_MS } from '../duration.ts';
import { createError, type PerfscopeError } from '../perfscope-error.ts';
import { checkOtlpVariableNames } from './otlp-variable-names.ts';

type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

/** Endpoint of a Collector on this machine. Used if `OTEL_METRICS_EXPORTER` is `otlp` and no endpoint is set. */
const DEFAULT_ENDPOINT = 'http://localhost:4318';
const METRICS_PATH = 'v1/metrics';
const PREFIX = 'OTEL_EXPORTER_OTLP_';
const METRICS_PREFIX = 'OTEL_EXPORTER_OTLP_METRICS_';
/** Headers that the export sets itself. */
const OWN_HEADERS = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
]);

/**
 * Whether a point contains the values since the start (`cumulative`) or since the last export (`delta`). `lowmemory` is
 * delta only for instruments that aren't observable.
 */
type TemporalityPreference = 'cumulative' | 'delta' | 'lowmemory';
type HistogramAggregation = 'explicit' | 'exponential';

/** Where and how the agent sends OTLP metrics. */
export interface OtlpSettings {
  /** The complete URL, without credentials. */
  readonly url: string;
  /** Additional headers by name in lower case. They can contain secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly encoding: 'protobuf' | 'json';
  readonly isCompressed: boolean;
  /** Time limit for one request, in ms. */
  readonly timeoutMs: number;
  /** Time limit for the asynchronous callbacks of instruments, in ms. */
  readonly collectTimeoutMs: number;
  readonly temporality: TemporalityPreference;
  readonly histogramAggregation: HistogramAggregation;
  /** Files in the PEM format. */
  readonly certificateFile: string | undefined;
  readonly clientCertificateFile: string | undefined;
  readonly clientKeyFile: string | undefined;
}

/**
 * Returns the settings of the OTLP export, or undefined if no endpoint is set or the export is turned off. Variables of
 * an export that is off aren't checked.
 *
 * @param problems receives an error for each misspelled name, and for each invalid value, which is replaced by its default
 */
export function parseOtlpSettings(
  env: EnvironmentVariables,
  problems: PerfscopeError[],
): OtlpSettings | undefined {
  const reader = new VariableReader(env, problems);
  const exporters = readMetricsExporters(reader);
  if (exporters && !exporters.includes('otlp')) return undefined;
  checkOtlpVariableNames(env, problems);
  const endpoint = readEndpoint(reader, exporters !== undefined);
  if (!endpoint) return undefined;
  return {
    url: removeCredentials(endpoint),
    headers: { ...getBasicAuthorization(endpoint), ...readHeaders(reader) },
    encoding: readEncoding(reader),
    isCompressed: reader.readChoice('COMPRESSION', { gzip: true, none: false }) ?? false,
    timeoutMs: reader.readInteger('TIMEOUT') ?? 10_000,
    collectTimeoutMs: reader.readIntegerOf('OTEL_METRIC_EXPORT_TIMEOUT') ?? 30_000,
    temporality:
      reader.readChoiceOf(`${METRICS_PREFIX}TEMPORALITY_PREFERENCE`, {
        cumulative: 'cumulative',
        delta: 'delta',
        lowmemory: 'lowmemory',
      }) ?? 'cumulative',
    histogramAggregation:
      reader.readChoiceOf(`${METRICS_PREFIX}DEFAULT_HISTOGRAM_AGGREGATION`, {
        explicit_bucket_histogram: 'explicit',
        base2_exponential_bucket_histogram: 'exponential',
      }) ?? 'explicit',
    certificateFile: reader.read('CERTIFICATE')?.text,
    clientCertificateFile: reader.read('CLIENT_CERTIFICATE')?.text,
    clientKeyFile: reader.read('CLIENT_KEY')?.text,
  };
}

function readEncoding(reader: VariableReader): OtlpSettings['encoding'] {
  const variable = reader.read('PROTOCOL');
  if (variable?.text.toLowerCase() === 'grpc') {
    reader.reject(
      variable,
      "http/protobuf or http/json. gRPC isn't supported, so http/protobuf is used, usually on port 4318. An endpoint that accepts only gRPC, usually on port 4317, needs an OpenTelemetry Collector in front of it",
    );
    return 'protobuf';
  }
  const choices = { 'http/protobuf': 'protobuf', 'http/json': 'json' } as const;
  return reader.readChoice('PROTOCOL', choices) ?? 'protobuf';
}

/** Returns the URL for messages, without its query, which can contain a secret. */
export function formatOtlpUrl({ url }: Pick<OtlpSettings, 'url'>): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** A variable and its text, which is not empty. */
interface VariableText {
  readonly name: string;
  readonly text: string;
}

/** Reads variables, and reports invalid values. */
class VariableReader {
  readonly #env: EnvironmentVariables;
  readonly #problems: PerfscopeError[];

  constructor(env: EnvironmentVariables, problems: PerfscopeError[]) {
    this.#env = env;
    this.#problems = problems;
  }

  /** An empty variable is the same as an unset variable. */
  readOf(name: string): VariableText | undefined {
    const text = this.#env[name]?.trim();
    return text ? { name, text } : undefined;
  }

  /** Reads the variable for metrics, or the variable for all signals. */
  read(suffix: string): VariableText | undefined {
    return this.readOf(METRICS_PREFIX + suffix) ?? this.readOf(PREFIX + suffix);
  }

  readChoice<T>(suffix: string, choices: Readonly<Record<string, T>>): T | undefined {
    return this.#parseChoice(this.read(suffix), choices);
  }

  readChoiceOf<T>(name: string, choices: Readonly<Record<string, T>>): T | undefined {
    return this.#parseChoice(this.readOf(name), choices);
  }

  readInteger(suffix: string): number | undefined {
    return this.#parseInteger(this.read(suffix));
  }

  readIntegerOf(name: string): number | undefined {
    return this.#parseInteger(this.readOf(name));
  }

  /** @param shown the value in the message. Default: the value. */
  reject({ name, text }: VariableText, allowed: string, shown = text.slice(0, 100)): void {
    this.#problems.push(createError('PS_CONFIG_INVALID', { name, value: shown, allowed }));
  }

  #parseChoice<T>(
    variable: VariableText | undefined,
    choices: Readonly<Record<string, T>>,
  ): T | undefined {
    if (!variable) return undefined;
    const key = variable.text.toLowerCase();
    if (Object.hasOwn(choices, key)) return choices[key];
    this.reject(variable, formatChoices(Object.keys(choices)));
    return undefined;
  }

  #parseInteger(variable: VariableText | undefined): number | undefined {
    if (!variable) return undefined;
    const value = /^\d+$/.test(variable.text) ? Number(variable.text) : 0;
    if (value >= 1 && value <= DAY_MS) return value;
    this.reject(variable, `a whole number of ms from 1 to ${DAY_MS}`);
    return undefined;
  }
}

function formatChoices(choices: readonly string[]): string {
  const [last, ...others] = choices.toReversed();
  return others.length === 0 ? `${last}` : `${others.toReversed().join(', ')} or ${last}`;
}

/** Returns the exporters in `OTEL_METRICS_EXPORTER`, or undefined if the variable is unset or invalid. */
function readMetricsExporters(reader: VariableReader): readonly string[] | undefined {
  const variable = reader.readOf('OTEL_METRICS_EXPORTER');
  if (!variable) return undefined;
  const names = variable.text.split(',').map((name) => name.trim().toLowerCase());
  // The port of the Prometheus exporter has its own variable.
  const known = ['otlp', 'prometheus', 'none'];
  if (names.every((name) => known.includes(name))) return names;
  reader.reject(variable, 'otlp, prometheus, none, or a list of these');
  return undefined;
}

function readEndpoint(reader: VariableReader, isRequired: boolean): URL | undefined {
  const signal = reader.readOf(`${METRICS_PREFIX}ENDPOINT`);
  const signalUrl = signal && parseEndpoint(reader, signal);
  if (signalUrl) return signalUrl;
  const base = reader.readOf(`${PREFIX}ENDPOINT`);
  const baseUrl =
    (base && parseEndpoint(reader, base)) ?? (isRequired ? new URL(DEFAULT_ENDPOINT) : undefined);
  if (!baseUrl) return undefined;
  baseUrl.pathname = baseUrl.pathname.replace(/\/?$/, `/${METRICS_PATH}`);
  return baseUrl;
}

function parseEndpoint(reader: VariableReader, variable: VariableText): URL | undefined {
  const { text } = variable;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol)) return url;
  // Everything before an @ can contain a password.
  reader.reject(
    variable,
    'a URL that begins with http:// or https://',
    text.replace(/^.*@/, '(hidden)@').slice(0, 100),
  );
  return undefined;
}

function removeCredentials(url: URL): string {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  copy.hash = '';
  return copy.href;
}

function getBasicAuthorization({ username, password }: URL): { authorization?: string } {
  if (username === '' && password === '') return {};
  const text = `${decode(username) ?? username}:${decode(password) ?? password}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

/** Headers for metrics replace headers with the same name for all signals. */
function readHeaders(reader: VariableReader): Record<string, string> {
  return {
    ...parseHeaders(reader, reader.readOf(`${PREFIX}HEADERS`)),
    ...parseHeaders(reader, reader.readOf(`${METRICS_PREFIX}HEADERS`)),
  };
}

/** Parses `name=value` pairs with percent-encoded values. Valid pairs are used even if others are invalid. */
function parseHeaders(
  reader: VariableReader,
  variable: VariableText | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (!variable) return headers;
  let isValid = true;
  for (const pair of variable.text.split(',')) {
    if (pair.trim() === '') continue;
    const [, name = '', encoded = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
    const key = name.trim().toLowerCase();
    const value = decode(encoded.trim());
    const isAllowed =
      /^[\w!#$%&'*+.^`|~-]+$/.test(key) &&
      value !== undefined &&
      /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
    if (!isAllowed) isValid = false;
    else if (!OWN_HEADERS.has(key)) headers[key] = value;
  }
  if (!isValid) {
    const allowed = 'a comma-separated list of name=value pairs with percent-encoded values';
    // The values are secrets.
    reader.reject(variable, allowed, '(hidden)');
  }
  return headers;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
