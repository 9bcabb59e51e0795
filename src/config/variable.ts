import { type Dsn, parseDsn } from './dsn.ts';
import { isLoopback } from './loopback.ts';

/** One environment variable: how its text is read, what it is without, and what to say of it. */
export interface Variable<T> {
  readonly fallback: T;
  /** What the README says about it. */
  readonly about: string;
  /** What is allowed, as the end of "it must be …". */
  readonly allowed: string;
  /** The value, or undefined when the text is not valid. */
  readonly parse: (text: string) => T | undefined;
}

export function flag(fallback: boolean, about: string): Variable<boolean> {
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
    about,
    allowed: 'true or false',
    parse: (text) => words.get(text.toLowerCase()),
  };
}

export function wholeNumber<T extends number | undefined>(
  fallback: T,
  [min, max]: readonly [number, number],
  about: string,
): Variable<T | number> {
  return {
    fallback,
    about,
    allowed: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

export function percent(fallback: number, about: string): Variable<number> {
  return {
    fallback,
    about,
    allowed: 'a number from 0 to 100',
    parse: (text) => {
      const value = Number(text);
      return value >= 0 && value <= 100 ? value : undefined;
    },
  };
}

export function text<T extends string | undefined>(
  fallback: T,
  about: string,
): Variable<T | string> {
  return { fallback, about, allowed: 'a text', parse: (value) => value };
}

export function url(protocols: readonly string[], about: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    about,
    allowed: `a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    parse: (value) => {
      const parsed = URL.canParse(value) ? new URL(value) : undefined;
      return parsed && protocols.includes(parsed.protocol) ? value : undefined;
    },
  };
}

/** A URL of something that must not be changed on its way: encrypted, or on this machine. */
export function trustedUrl(about: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    about,
    allowed: 'a URL that begins with https://, or with http:// and a loopback address',
    parse: (value) => {
      const parsed = URL.canParse(value) ? new URL(value) : undefined;
      const local = parsed?.protocol === 'http:' && isLoopback(parsed.hostname);
      return local || parsed?.protocol === 'https:' ? value : undefined;
    },
  };
}

export function secret(leastBytes: number, about: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    about,
    allowed: `a text of at least ${leastBytes} bytes`,
    parse: (value) => (Buffer.byteLength(value) >= leastBytes ? value : undefined),
  };
}

export function header(about: string): Variable<string | undefined> {
  return {
    fallback: undefined,
    about: `${about} Unset: none is believed.`,
    allowed: "a header's name",
    parse: (value) => (/^[\w!#$%&'*+.^`|~-]{1,100}$/.test(value) ? value : undefined),
  };
}

export function list(fallback: readonly string[], about: string): Variable<readonly string[]> {
  return {
    fallback,
    about,
    allowed: 'a list separated by commas',
    parse: (value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
  };
}

/** Where a Sentry-compatible server takes events. */
export function sentryDsn(about: string): Variable<Dsn | undefined> {
  return {
    fallback: undefined,
    about,
    allowed: 'a DSN such as https://KEY@sentry.example/7',
    parse: parseDsn,
  };
}

/** A name of the IANA database, as `Europe/Berlin`. */
export function timeZone(about: string): Variable<string> {
  return {
    fallback: Intl.DateTimeFormat().resolvedOptions().timeZone,
    about,
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
