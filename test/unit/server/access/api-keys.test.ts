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

function opens(text: string, { id, hash }: { id: string; hash: string }): boolean {
  const sent = parseApiKey(text);
  return sent !== undefined && sent.id === id && isMatchingSecret(hash, sent.secret);
}

describe('a key', () => {
  it('opens what it was made for, and is stored as a hash only', () => {
    const key = generateApiKey();
    expect(key.text).toMatch(/^psk_[0-9a-f]{16}_[\w-]{51}$/);
    expect(opens(key.text, key)).toBe(true);
    expect(opens(generateApiKey().text, key)).toBe(false);
    expect(key.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(key.hash).not.toContain(parseApiKey(key.text)?.secret);
  });

  it('does not open when anything of it is changed, left out or added', () => {
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
        return changed === text || !opens(changed, key);
      }),
      { numRuns: 2000 },
    );
  });

  it('does not open by another text that means the same bytes', () => {
    const key = generateApiKey();
    const [, head = '', last = ''] = /^(.*)(.)$/.exec(parseApiKey(key.text)?.secret ?? '') ?? [];
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const twins = [...alphabet].filter((letter) => letter !== last).map((letter) => head + letter);
    expect(twins.filter((twin) => isMatchingSecret(key.hash, twin))).toEqual([]);
  });

  it.each(['', 'psk_', 'psk_0123456789abcdef_', 'Bearer x', 'constructor', '__proto__'])(
    'is not %j',
    (text) => {
      expect(parseApiKey(text)).toBeUndefined();
    },
  );

  it('never matches a hash that is none', () => {
    for (const hash of ['', 'zz', 'ab', '0'.repeat(63)])
      expect(isMatchingSecret(hash, 's')).toBe(false);
  });

  it('secrets of any length are compared', () => {
    expect(isSameSecret('a', 'a')).toBe(true);
    expect(isSameSecret('a', 'aa')).toBe(false);
  });
});

describe('the rows of a key', () => {
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

  /** As the reader gives a row: snake_case, times as Dates, nothing as null. */
  function read(row: ApiKeyRow) {
    const { timestamp, expiresAt, organizationId = null, ...rest } = row;
    const dates = { timestamp: new Date(timestamp), expiresAt: expiresAt && new Date(expiresAt) };
    return Object.fromEntries(
      Object.entries({ ...rest, ...dates, organizationId }).map(([k, v]) => [toSnakeCase(k), v]),
    );
  }

  it('give the key again', () => {
    expect(parseKeyRows([read(toCreatedRow(key))]).get('k1')).toEqual(key);
    const admin = {
      ...key,
      role: 'ADMIN',
      organizationId: undefined,
      properties: undefined,
    } as const;
    expect(parseKeyRows([read(toCreatedRow(admin))]).get('k1')).toEqual(admin);
  });

  it('end it for good, also when the clock of the one who ended it was behind', () => {
    const ended = toRevokedRow(key, NOW - DAY_MS, 'somebody');
    expect(ended.timestamp).toBe(NOW);
    const rows = [read(toCreatedRow(key)), read(ended)];
    expect(parseKeyRows(rows).get('k1')).toEqual({ ...key, revokedAt: NOW });
    expect(
      parseKeyRows([...rows, read({ ...toCreatedRow(key), seq: 3 })]).get('k1')?.revokedAt,
    ).toBe(NOW);
  });

  it.each([
    ['a role that nobody knows', { role: 'ROOT' }],
    ['properties that are no list', { properties: '{"a":1}' }],
    ['properties that are no JSON', { properties: 'sea' }],
    ['properties that are no names', { properties: '[1]' }],
  ])('let nobody in by %s', (_what, change) => {
    expect(parseKeyRows([{ ...read(toCreatedRow(key)), ...change }]).size).toBe(0);
  });

  it('show what it is, without its hash', () => {
    const view = toKeyView(key, NOW);
    expect(view).toMatchObject({
      id: 'k1',
      state: 'active',
      expiresAt: '2026-01-02T00:00:00.000Z',
    });
    expect(Object.keys(view)).not.toContain('hash');
  });

  it.each([
    ['active until it expires', {}, NOW + DAY_MS - 1, 'active'],
    ['expired from that moment on', {}, NOW + DAY_MS, 'expired'],
    ['revoked, whether expired or not', { revokedAt: NOW }, NOW + DAY_MS, 'revoked'],
    ['active for ever without an end', { expiresAt: undefined }, NOW + 9e12, 'active'],
  ])('tell that it is %s', (_what, change, now, state) => {
    expect(getKeyState({ ...key, ...change }, now)).toBe(state);
  });
});

describe('a request for a key', () => {
  const good = { role: 'ADMIN', name: 'admin' } as const;
  it.each([
    ['too many keys', good, 1000],
    ['no name', { ...good, name: ' ' }, 0],
    ['a name too long', { ...good, name: 'n'.repeat(101) }, 0],
    ['a name with a line break', { ...good, name: 'a\nb' }, 0],
    ['a key for its name', { ...good, name: generateApiKey().text }, 0],
    ['an end in the past', { ...good, expiresAt: NOW }, 0],
    ['an end too far away', { ...good, expiresAt: NOW + 11 * 366 * DAY_MS }, 0],
    ['an end that is no number', { ...good, expiresAt: Number.NaN }, 0],
    ['a grant that contradicts itself', { ...good, organizationId: 'acme' }, 0],
  ])('is refused for %s', (_what, request, active) => {
    expect(validateKeyRequest(request, active, NOW)).toBeTypeOf('string');
  });

  it('is granted otherwise', () => {
    expect(validateKeyRequest({ ...good, expiresAt: NOW + 1 }, 999, NOW)).toBeUndefined();
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
  ])('may end at %s', (text, time) => {
    expect(parseExpiry(text, NOW)).toBe(time);
  });
});

describe('while QuestDB does not answer, the keys last read', () => {
  it.each([
    ['are not known before the first look', 'VIEWER', undefined, false],
    ['work for a minute', 'ADMIN', NOW - 60_000, true],
    ['open nothing after it', 'ADMIN', NOW - 60_001, false],
    ['that nobody knows are told apart no longer', undefined, NOW - 60_001, false],
    ['take measurements for a day', 'INGEST', NOW - DAY_MS, true],
    ['take none after it', 'INGEST', NOW - DAY_MS - 1, false],
    ['open nothing when the clock was set back', 'VIEWER', NOW + 60_001, false],
  ] as const)('%s', (_what, role, readAt, believed) => {
    expect(isKeyDataFresh(role, readAt, NOW)).toBe(believed);
  });
});
