import { InvalidArgumentError } from 'commander';
import { DAY_MS, HOUR_MS } from '../core/duration.ts';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: HOUR_MS, d: DAY_MS, w: 604_800_000 } as const;

/** Parses a duration such as `90s`, `15m`, `24h`, or `7d`. @returns ms @throws InvalidArgumentError */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text) ?? [];
  const ms = Number(amount) * UNIT_MS[(unit ?? 's') as keyof typeof UNIT_MS];
  if (!(ms > 0 && ms <= 36_500 * UNIT_MS.d)) {
    throw new InvalidArgumentError('It must be a duration, such as 30s, 15m, 24h, or 7d.');
  }
  return ms;
}

/** Parses the time limit or the interval of a command. @returns ms @throws InvalidArgumentError */
export function parseTimeLimit(text: string): number {
  const ms = parseDuration(text);
  if (ms > UNIT_MS.d) throw new InvalidArgumentError('It must be at most 1d.');
  return ms;
}

/** Parses a positive integer. @throws InvalidArgumentError */
export function parsePositiveInteger(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return value;
}

/** Parses an HTTP or HTTPS URL. @throws InvalidArgumentError */
export function parseHttpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:/.test(text)) return text;
  throw new InvalidArgumentError('It must be a URL that starts with http:// or https://.');
}

/** Parses a port. @throws InvalidArgumentError */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) {
    throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
  }
  return port;
}

/**
 * Parses the origin of a website, and adds it to the origins before.
 *
 * @throws InvalidArgumentError
 */
export function parseWebOrigin(text: string, previous: readonly string[] = []): string[] {
  const url = parseHttpUrl(text);
  const { origin } = new URL(url);
  if (origin !== url.replace(/\/$/, '').toLowerCase()) {
    throw new InvalidArgumentError(`It must have no path, such as ${origin}.`);
  }
  return [...previous, origin];
}

/** Returns the example section for the help of a command. */
export function formatExamples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
}
