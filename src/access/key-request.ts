import { KEY_PREFIX } from './api-key.ts';
import { type Grant, grantProblem } from './principal.ts';

/** What somebody wants a key for. */
export interface NewKeyRequest extends Grant {
  /** For people: what the key is for. */
  readonly name: string;
  /** ms since the epoch; undefined: never. */
  readonly expiresAt?: number | undefined;
}

/** Keys that are neither revoked nor expired. Every server holds all of them in memory. */
const MOST_KEYS = 1000;
const MOST_NAME = 100;
const MS = { h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 } as const;
const MOST_YEARS = 10;

/** Why such a key is not made; undefined when it can be. */
export function keyProblem(
  request: NewKeyRequest,
  activeKeys: number,
  now: number,
): string | undefined {
  const { name, expiresAt } = request;
  if (activeKeys >= MOST_KEYS) return `there are ${MOST_KEYS} keys already; revoke some`;
  if (name.trim() === '' || name.length > MOST_NAME || /\p{C}/u.test(name)) {
    return `its name must be 1 to ${MOST_NAME} printable characters`;
  }
  // Somebody has pasted a key where its name belongs: it would stand in rows and lists.
  if (name.includes(KEY_PREFIX)) return 'its name looks like a key';
  if (expiresAt !== undefined && !(expiresAt > now && expiresAt <= now + MOST_YEARS * MS.y)) {
    return `it must expire in the future, and within ${MOST_YEARS} years`;
  }
  return grantProblem(request);
}

/**
 * The moment that `90d`, `12h`, `4w`, `1y`, or an ISO 8601 time names, in ms since the epoch.
 *
 * @returns undefined when it names none
 */
export function expiryOf(text: string, now: number): number | undefined {
  const [, amount, unit] = /^(\d{1,5})([hdwy])$/.exec(text) ?? [];
  if (unit !== undefined) return now + Number(amount) * MS[unit as keyof typeof MS];
  const time = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}
