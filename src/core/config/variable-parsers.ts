import { isLoopbackHost } from '../loopback.ts';

/** Where a Sentry project takes events (https://develop.sentry.dev/sdk/foundations/transport/authentication/). */
export interface SentryDsn {
  /** `/api/PROJECT/envelope/` of the host. */
  readonly envelopeUrl: string;
  readonly publicKey: string;
  /** The host, for what is said. */
  readonly origin: string;
}

/** `https://KEY@HOST[/PATH]/PROJECT`. @returns undefined when `text` is none */
export function parseSentryDsn(text: string): SentryDsn | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, origin, pathname } = new URL(text);
  const [, path = '', project] = /^(.*)\/([\w-]+)$/.exec(pathname) ?? [];
  if (!/^https?:$/.test(protocol) || username === '' || project === undefined) return undefined;
  return { envelopeUrl: `${origin}${path}/api/${project}/envelope/`, publicKey: username, origin };
}

/** One environment variable: how its text is read, what it is without, and what to say of it. */
export interface Variable<T> {
  readonly fallback: T;
  /** What the README says about it. */
  readonly description: string;
  /** What is allowed, as the end of "it must be …". */
  readonly allowed: string;
  /** The value, or undefined when the text is not valid. */
  readonly parse: (text: string) => T | undefined;
}

export function booleanVariable(fallback: boolean, about: string): Variable<boolean> {
  const words = new Map([
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
    description: about,
    allowed: 'true or false',
    parse: (text) => words.get(text.toLowerCase()),
  };
}

export function integerVariable<T extends number | undefined>(
  fallback: T,
  [min, max]: readonly [number, number],
  about: string,
): Variable<T | number> {
  return {
    fallback,
    description: about,
    allowed: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

export function percentVariable(fallback: number, about: string): Variable<number> {
  return {
    fallback,
    description: about,
    allowed: 'a number from 0 to 100',
    parse: (text) => {
      const value = Number(text);
      return value >= 0 && value <= 100 ? value : undefined;
    },
  };
}

export function stringVariable<T extends string | undefined>(
  fallback: T,
  about: string,
): Variable<T | string> {
  return { fallback, description: about, allowed: 'a text', parse: (value) => value };
}

export function urlVariable(
  protocols: readonly string[],
  about: string,
): Variable<string | undefined> {
  return {
    fallback: undefined,
    description: about,
    allowed: `a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    parse: (value) => {
      const parsed = URL.canParse(value) ? new URL(value) : undefined;
      return parsed && protocols.includes(parsed.protocol) ? value : undefined;
    },
  };
}

/** A URL of something that must not be changed on its way: encrypted, or on this machine. */
export function trustedUrlVariable(about: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    description: about,
    allowed: 'a URL that begins with https://, or with http:// and a loopback address',
    parse: (value) => {
      const parsed = URL.canParse(value) ? new URL(value) : undefined;
      const local = parsed?.protocol === 'http:' && isLoopbackHost(parsed.hostname);
      return local || parsed?.protocol === 'https:' ? value : undefined;
    },
  };
}

export function secretVariable(leastBytes: number, about: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    description: about,
    allowed: `a text of at least ${leastBytes} bytes`,
    parse: (value) => (Buffer.byteLength(value) >= leastBytes ? value : undefined),
  };
}

export function headerVariable(about: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    description: `${about} Unset: none is believed.`,
    allowed: "a header's name",
    parse: (value) => (/^[\w!#$%&'*+.^`|~-]{1,100}$/.test(value) ? value : undefined),
  };
}

export function listVariable(
  fallback: readonly string[],
  about: string,
): Variable<readonly string[]> {
  return {
    fallback,
    description: about,
    allowed: 'a list separated by commas',
    parse: (value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
  };
}

/** Where a Sentry-compatible server takes events. */
export function sentryDsnVariable(about: string): Variable<SentryDsn | undefined> {
  return {
    fallback: undefined,
    description: about,
    allowed: 'a DSN such as https://KEY@sentry.example/7',
    parse: parseSentryDsn,
  };
}

/** A name of the IANA database, as `Europe/Berlin`. */
export function timeZoneVariable(about: string): Variable<string> {
  return {
    fallback: Intl.DateTimeFormat().resolvedOptions().timeZone,
    description: about,
    allowed: 'a time zone of the IANA database, as Europe/Berlin',
    parse: (value) => {
      try {
        return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone;
      } catch {
        return undefined;
      }
    },
  };
}
