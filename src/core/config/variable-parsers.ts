import { isLoopbackHost } from '../loopback.ts';
import { isHeaderToken } from './secret-file.ts';

/**
 * The address of a Sentry project
 * (https://develop.sentry.dev/sdk/foundations/transport/authentication/).
 */
export interface SentryDsn {
  /** URL of the project's `/api/PROJECT/envelope/` endpoint. */
  readonly envelopeUrl: string;
  readonly publicKey: string;
  /** The host, for log messages. */
  readonly origin: string;
}

/**
 * Parses `https://KEY@HOST[/PATH]/PROJECT`.
 *
 * @returns undefined if `text` is not a DSN
 */
export function parseSentryDsn(text: string): SentryDsn | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, origin, pathname } = new URL(text);
  const [, path = '', project] = /^(.*)\/([\w-]+)$/.exec(pathname) ?? [];
  if (!/^https?:$/.test(protocol) || username === '' || project === undefined) return undefined;
  return { envelopeUrl: `${origin}${path}/api/${project}/envelope/`, publicKey: username, origin };
}

/** An environment variable: its parser, its default, and its documentation. */
export interface Variable<T> {
  /** Value if the variable is unset or invalid. */
  readonly fallback: T;
  /** Description for docs/configuration.md. */
  readonly description: string;
  /** Allowed values, as the end of "it must be …". */
  readonly allowed: string;
  /** Returns the value, or undefined if the text is invalid. */
  readonly parse: (text: string) => T | undefined;
}

export function booleanVariable(fallback: boolean, description: string): Variable<boolean> {
  const values = new Map([
    ['true', true],
    ['1', true],
    ['yes', true],
    ['on', true],
    ['false', false],
    ['0', false],
    ['no', false],
    ['off', false],
  ]);
  return {
    fallback,
    description,
    allowed: 'true or false',
    parse: (text) => values.get(text.toLowerCase()),
  };
}

export function integerVariable<T extends number | undefined>(
  fallback: T,
  [min, max]: readonly [number, number],
  description: string,
): Variable<T | number> {
  return {
    fallback,
    description,
    allowed: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

export function percentVariable(fallback: number, description: string): Variable<number> {
  return {
    fallback,
    description,
    allowed: 'a number from 0 to 100',
    parse: (text) => {
      const value = Number(text);
      return value >= 0 && value <= 100 ? value : undefined;
    },
  };
}

export function stringVariable<T extends string | undefined>(
  fallback: T,
  description: string,
): Variable<T | string> {
  return { fallback, description, allowed: 'a string', parse: (value) => value };
}

export function urlVariable(
  protocols: readonly string[],
  description: string,
): Variable<string | undefined> {
  return {
    fallback: undefined,
    description,
    allowed: `a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    parse: (value) => {
      const parsed = URL.canParse(value) ? new URL(value) : undefined;
      return parsed && protocols.includes(parsed.protocol) ? value : undefined;
    },
  };
}

/** A URL whose response must not be tampered with: HTTPS, or HTTP on this machine. */
export function trustedUrlVariable(description: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    description,
    allowed: 'a URL that begins with https://, or with http:// and a loopback address',
    parse: (value) => {
      const parsed = URL.canParse(value) ? new URL(value) : undefined;
      const local = parsed?.protocol === 'http:' && isLoopbackHost(parsed.hostname);
      return local || parsed?.protocol === 'https:' ? value : undefined;
    },
  };
}

export function secretVariable(
  minBytes: number,
  description: string,
): Variable<string | undefined> {
  return {
    fallback: undefined,
    description,
    allowed: `a string of at least ${minBytes} bytes`,
    parse: (value) => (Buffer.byteLength(value) >= minBytes ? value : undefined),
  };
}

/** A secret that is sent or received in an HTTP header. */
export function tokenVariable(minBytes: number, description: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    description,
    allowed: `a token of at least ${minBytes} characters, in one line and without spaces`,
    parse: (value) => (value.length >= minBytes && isHeaderToken(value) ? value : undefined),
  };
}

export function headerVariable(description: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    description: `${description} If unset, no header is trusted.`,
    allowed: 'a header name',
    parse: (value) => (/^[\w!#$%&'*+.^`|~-]{1,100}$/.test(value) ? value : undefined),
  };
}

export function listVariable(
  fallback: readonly string[],
  description: string,
): Variable<readonly string[]> {
  return {
    fallback,
    description,
    allowed: 'a comma-separated list',
    parse: (value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
  };
}

/** The DSN of a Sentry-compatible server. */
export function sentryDsnVariable(description: string): Variable<SentryDsn | undefined> {
  return {
    fallback: undefined,
    description,
    allowed: 'a DSN such as https://KEY@sentry.example/7',
    parse: parseSentryDsn,
  };
}

/**
 * A time zone of the IANA database, such as `Europe/Berlin`. If it is unset, `Settings.timeZone` is
 * the system's time zone.
 */
export function timeZoneVariable(description: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    description,
    allowed: 'an IANA time zone such as Europe/Berlin',
    parse: (value) => {
      try {
        return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone;
      } catch {
        return undefined;
      }
    },
  };
}

/** Decodes percent-encoded text. A `%` that isn't the start of an encoded character leaves the text unchanged. */
export function decodePercentEncoding(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
