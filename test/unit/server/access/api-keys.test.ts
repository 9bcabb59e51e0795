import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../../../src/core/duration.ts';
import { toSnakeCase } from '../../../../src/core/schema/table-definition.ts';
import type { ApiKeyRow } from '../../../../src/core/schema/tables/api-keys-table.ts';
import {
  type ApiKey,
  getKeyState,
  parseExpiry,
  parseKeyRows,
  toCreatedRow,
  toKeyView,
  toRevokedRow,
  validateKeyRequest,
} from '../../../../src/server/access/api-key-record.ts';
import {
  generateApiKey,
  isMatchingSecret,
  isSameSecret,
  parseApiKey,
} from '../../../../src/server/access/api-key-secret.ts';
import { isKeyDataFresh } from '../../../../src/server/access/api-key-store.ts';

const NOW = Date.UTC(2026, 0, 1);

function matches(text: string, { id, hash }: { id: string; hash: string }): boolean {
  const parsed = parseApiKey(text);
  return parsed !== undefined && parsed.id === id && isMatchingSecret(hash, parsed.secret);
}

describe('API key secrets', () => {
  it('match only their own hash, and are stored only as a hash', () => {
    const key = generateApiKey();
    expect(key.text).toMatch(/^psk_[0-9a-f]{16}_[\w-]{51}$/);
    expect(matches(key.text, key)).toBe(true);
    expect(matches(generateApiKey().text, key)).toBe(false);
    expect(key.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(key.hash).not.toContain(parseApiKey(key.text)?.secret);
  });

  it('do not match after any edit', () => {
    const key = generateApiKey();
    const { text } = key;
    const position = fc.nat(text.length);
    const edit = fc.tuple(position, fc.nat(3), fc.string({ maxLength: 4, unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const changed = edits.reduce(
          (t, [at, remove, insert]) => t.slice(0, at) + insert + t.slice(at + remove),
          text,
        );
        return changed === text || !matches(changed, key);
      }),
      { numRuns: 2000 },
    );
  });

  it('do not match other text that decodes to the same bytes', () => {
    const key = generateApiKey();
    const [, head = '', last = ''] = /^(.*)(.)$/.exec(parseApiKey(key.text)?.secret ?? '') ?? [];
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const variants = [...alphabet]
      .filter((letter) => letter !== last)
      .map((letter) => head + letter);
    expect(variants.filter((variant) => isMatchingSecret(key.hash, variant))).toEqual([]);
  });

  it.each(['', 'psk_', 'psk_0123456789abcdef_', 'Bearer x', 'constructor', '__proto__'])(
    'are not parsed from %j',
    (text) => {
      expect(parseApiKey(text)).toBeUndefined();
    },
  );

  it('never match an invalid hash', () => {
    for (const hash of ['', 'zz', 'ab', '0'.repeat(63)])
      expect(isMatchingSecret(hash, 's')).toBe(false);
  });

  it('can be compared at any length', () => {
    expect(isSameSecret('a', 'a')).toBe(true);
    expect(isSameSecret('a', 'aa')).toBe(false);
  });
});

describe('API key rows', () => {
  const key: ApiKey = {
    id: 'k1',
    name: 'wall',
    organizationId: 'acme',
    properties: ['a,b', '"'],
    role: 'VIEWER',
    hash: 'ab',
    createdAt: NOW,
    author: 'local',
    expiresAt: NOW + DAY_MS,
  };

  /** Converts a row to the reader's format: snake_case, times as Date, and null for missing values. */
  function toStoredRow(row: ApiKeyRow) {
    const { timestamp, expiresAt, organizationId = null, ...rest } = row;
    const dates = { timestamp: new Date(timestamp), expiresAt: expiresAt && new Date(expiresAt) };
    return Object.fromEntries(
      Object.entries({ ...rest, ...dates, organizationId }).map(([k, v]) => [toSnakeCase(k), v]),
    );
  }

  it('restore the key', () => {
    expect(parseKeyRows([toStoredRow(toCreatedRow(key))]).get('k1')).toEqual(key);
    const admin = {
      ...key,
      role: 'ADMIN',
      organizationId: undefined,
      properties: undefined,
    } as const;
    expect(parseKeyRows([toStoredRow(toCreatedRow(admin))]).get('k1')).toEqual(admin);
  });

  it("revoke the key permanently, even if the revoking server's clock is behind", () => {
    const revoked = toRevokedRow(key, NOW - DAY_MS, 'somebody');
    expect(revoked.timestamp).toBe(NOW);
    const rows = [toStoredRow(toCreatedRow(key)), toStoredRow(revoked)];
    expect(parseKeyRows(rows).get('k1')).toEqual({ ...key, revokedAt: NOW });
    expect(
      parseKeyRows([...rows, toStoredRow({ ...toCreatedRow(key), seq: 3 })]).get('k1')?.revokedAt,
    ).toBe(NOW);
  });

  it.each([
    ['an unknown role', { role: 'ROOT' }],
    ['properties that are not a list', { properties: '{"a":1}' }],
    ['properties that are not JSON', { properties: 'sea' }],
    ['properties that are not names', { properties: '[1]' }],
  ])('are ignored if they contain %s', (_case, change) => {
    expect(parseKeyRows([{ ...toStoredRow(toCreatedRow(key)), ...change }]).size).toBe(0);
  });

  it('are shown without the hash', () => {
    const view = toKeyView(key, NOW);
    expect(view).toMatchObject({
      id: 'k1',
      state: 'active',
      expiresAt: '2026-01-02T00:00:00.000Z',
    });
    expect(Object.keys(view)).not.toContain('hash');
  });

  it.each([
    ['active until the key expires', {}, NOW + DAY_MS - 1, 'active'],
    ['expired at the expiration time', {}, NOW + DAY_MS, 'expired'],
    ['revoked, even if the key also expired', { revokedAt: NOW }, NOW + DAY_MS, 'revoked'],
    ['active forever without an expiration time', { expiresAt: undefined }, NOW + 9e12, 'active'],
  ])('have the state %s', (_case, change, now, state) => {
    expect(getKeyState({ ...key, ...change }, now)).toBe(state);
  });
});

describe('validateKeyRequest', () => {
  const good = { role: 'ADMIN', name: 'admin' } as const;
  it.each([
    ['an empty name', { ...good, name: ' ' }],
    ['a name that is too long', { ...good, name: 'n'.repeat(101) }],
    ['a name with a line break', { ...good, name: 'a\nb' }],
    ['a key as the name', { ...good, name: generateApiKey().text }],
    ['an expiration time in the past', { ...good, expiresAt: NOW }],
    ['an expiration time too far in the future', { ...good, expiresAt: NOW + 11 * 366 * DAY_MS }],
    ['an expiration time that is not a number', { ...good, expiresAt: Number.NaN }],
    ['a contradictory grant', { ...good, organizationId: 'acme' }],
  ])('rejects %s', (_case, request) => {
    expect(validateKeyRequest(request, NOW)).toBeTypeOf('string');
  });

  it('accepts valid requests', () => {
    expect(validateKeyRequest({ ...good, expiresAt: NOW + 1 }, NOW)).toBeUndefined();
  });

  it.each([
    ['12h', NOW + DAY_MS / 2],
    ['90d', NOW + 90 * DAY_MS],
    ['4w', NOW + 28 * DAY_MS],
    ['1y', NOW + 365 * DAY_MS],
    ['2026-01-31', Date.UTC(2026, 0, 31)],
    ['2026-01-31T10:00:00Z', Date.UTC(2026, 0, 31, 10)],
    ['2026-01-31T10:00:00+02:00', Date.UTC(2026, 0, 31, 8)],
    ['90', undefined],
    ['-1d', undefined],
    ['soon', undefined],
    ['2026-02-31T99:00:00Z', undefined],
    ['2026-13-01', undefined],
  ])('parses the expiration %s', (text, time) => {
    expect(parseExpiry(text, NOW)).toBe(time);
  });
});

describe('isKeyDataFresh', () => {
  it.each([
    ['before the keys are loaded', 'VIEWER', undefined, false],
    ['for up to a minute', 'ADMIN', NOW - 60_000, true],
    ['after a minute', 'ADMIN', NOW - 60_001, false],
    ['for an unknown key after a minute', undefined, NOW - 60_001, false],
    ['for an INGEST key for up to a day', 'INGEST', NOW - DAY_MS, true],
    ['for an INGEST key after a day', 'INGEST', NOW - DAY_MS - 1, false],
    ['after the clock was set back', 'VIEWER', NOW + 60_001, false],
  ] as const)('returns the expected result %s', (_case, role, readAt, isFresh) => {
    expect(isKeyDataFresh(role, readAt, NOW)).toBe(isFresh);
  });
});
