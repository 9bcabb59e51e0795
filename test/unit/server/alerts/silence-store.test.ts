import { RE2JS } from 're2js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { parseSilence } from '../../../../src/server/alerts/suppression/silence-rows.ts';
import { SilenceStore } from '../../../../src/server/alerts/suppression/silence-store.ts';
import type { Row } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';

const NOW = 1_795_608_000_000;
const HOUR_MS = 3_600_000;

/** Rows of the `silences` table, as QuestDB returns them. */
let rows: Row[] = [];
let warnings: string[] = [];

function createStore(): SilenceStore {
  const queryClient = { read: async () => rows } as unknown as QueryClient;
  const log = { warn: (message: string) => void warnings.push(message) };
  return new SilenceStore(
    queryClient,
    () => {},
    async () => {},
    log,
  );
}

function createRow(id: string, matchers: unknown, seq = 1): Row {
  return {
    id,
    seq,
    timestamp: new Date(NOW),
    starts_at: new Date(NOW),
    ends_at: new Date(NOW + HOUR_MS),
    author: 'key:a',
    comment: 'c',
    matchers: typeof matchers === 'string' ? matchers : JSON.stringify(matchers),
    organization_id: 'acme',
  };
}

function create(store: SilenceStore, author: string, organization?: string, matchers = ['a=b']) {
  const entry = parseSilence({ matchers, duration: '1h', comment: 'test' });
  return store.create(entry, { author, organization }, NOW);
}

beforeEach(() => {
  rows = [];
  warnings = [];
});
afterEach(() => vi.restoreAllMocks());

describe('stored silences', () => {
  it.each([
    ['large regular expressions', Array(50).fill('a=~"(.?){999}"')],
    ['many smaller regular expressions', Array(50).fill('a=~"(.?){100}"')],
    ['no JSON', '{'],
    ['no list', '"a=b"'],
    ['no matchers', []],
  ])('with %s are invalid, with one warning', async (_case, matchers) => {
    rows = [createRow('bad', matchers), createRow('good', ['a=~"web-.*"'])];
    const store = createStore();
    const compile = vi.spyOn(RE2JS, 'compile');
    for (let i = 0; i < 3; i++) await store.refresh(NOW + i);
    expect(store.listActive(NOW).map(({ id }) => id)).toEqual(['good']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^Some stored silences.*IDs: bad$/);
    // Neither silence is compiled again.
    const patterns = compile.mock.calls.map(([pattern]) => pattern);
    expect(patterns.filter((pattern) => pattern === 'web-.*')).toHaveLength(1);
    expect(patterns.length).toBeLessThanOrEqual(51);
  });

  it('are read again after a change', async () => {
    const store = createStore();
    rows = [createRow('a', ['a=b'])];
    await store.refresh(NOW);
    rows = [createRow('a', ['a=c'], 2)];
    await store.refresh(NOW);
    expect(store.listActive(NOW)[0]?.matchers[0]?.text).toBe('a=c');
  });
});

describe('a new silence', () => {
  it.each([
    ['a large regular expression', ['a=~"(.?){999}"']],
    ['large regular expressions together', Array(9).fill('a=~"(.?){100}"')],
    ['too many matchers', Array(21).fill('a=b')],
    ['a long regular expression', [`a=~"${'x'.repeat(501)}"`]],
  ])('is rejected with %s', (_case, matchers) => {
    expect(() => parseSilence({ matchers, duration: '1h', comment: 'x' })).toThrow(
      /The request is invalid/,
    );
  });

  it('is rejected if its author has too many, and accepted after one ends', async () => {
    const store = createStore();
    const first = await create(store, 'key:a', 'acme');
    for (let i = 1; i < 100; i++) await create(store, 'key:a', 'acme');
    await expect(create(store, 'key:a', 'acme')).rejects.toThrow(
      /limit of 100 active silences per key has been reached\. End silences/,
    );
    await expect(create(store, 'key:b', 'acme')).resolves.toBeDefined();
    await store.end(first.id, 'key:a', createOrganizationScope('acme'), NOW);
    await expect(create(store, 'key:a', 'acme')).resolves.toBeDefined();
  });

  it('is rejected if the organization has too many, but not for other organizations', async () => {
    const store = createStore();
    for (let i = 0; i < 300; i++) await create(store, `key:${i % 5}`, 'acme');
    await expect(create(store, 'key:9', 'acme')).rejects.toMatchObject({
      code: 'PS_QUOTA_REACHED',
      params: { limit: 300, per: 'organization' },
    });
    await expect(create(store, 'key:10', 'other')).resolves.toBeDefined();
    await expect(create(store, 'local')).resolves.toBeDefined();
  });

  it('is rejected if the regular expressions of the author are too large together', async () => {
    const store = createStore();
    const large = ['a=~"(.?){100}"', 'b=~"(.?){100}"'];
    for (let i = 0; i < 3; i++) await create(store, 'key:a', 'acme', large);
    await expect(create(store, 'key:a', 'acme', large)).rejects.toThrow(
      /2500 instructions in the regular expressions/,
    );
    await expect(create(store, 'key:a', 'acme')).resolves.toBeDefined();
  });

  it('is rejected if its author created many silences within an hour, even if they ended', async () => {
    const store = createStore();
    for (let i = 0; i < 300; i++) {
      const { id } = await create(store, 'key:a', 'acme');
      await store.end(id, 'key:a', UNRESTRICTED_SCOPE, NOW);
    }
    await expect(create(store, 'key:a', 'acme')).rejects.toThrow(
      /300 new silences within an hour per key/,
    );
    await expect(create(store, 'key:b', 'acme')).resolves.toBeDefined();
    const entry = parseSilence({ matchers: ['a=b'], duration: '1h', comment: 'later' });
    const by = { author: 'key:a', organization: 'acme' };
    await expect(store.create(entry, by, NOW + HOUR_MS)).resolves.toBeDefined();
  });

  it('counts silences only while they are active', async () => {
    const store = createStore();
    for (let i = 0; i < 100; i++) await create(store, 'key:a', 'acme');
    const entry = parseSilence({ matchers: ['a=b'], duration: '1h', comment: 'later' });
    const by = { author: 'key:a', organization: 'acme' };
    await expect(store.create(entry, by, NOW + 2 * HOUR_MS)).resolves.toBeDefined();
    expect(store.listVisible(UNRESTRICTED_SCOPE, NOW + 2 * HOUR_MS)).toHaveLength(1);
  });
});
