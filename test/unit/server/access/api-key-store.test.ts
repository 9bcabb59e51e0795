import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../../../src/core/duration.ts';
import type { ApiKeyRow } from '../../../../src/core/schema/tables/api-keys-table.ts';
import { type Actor, ApiKeyStore } from '../../../../src/server/access/api-key-store.ts';
import type { Row } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import { renderSql } from '../../../../src/storage/sql/sql-builder.ts';

let now = 0;
let rows: Row[] = [];
let store: ApiKeyStore;

beforeEach(() => {
  now = 1_795_608_000_000;
  rows = [];
  store = new ApiKeyStore({
    now: () => now,
    audit: () => {},
    flush: async () => {},
    add: (_table, added) => {
      for (const { timestamp, organizationId, expiresAt, ...row } of added as ApiKeyRow[]) {
        rows.push({
          ...row,
          timestamp: new Date(timestamp),
          organization_id: organizationId,
          expires_at: expiresAt && new Date(expiresAt),
        });
      }
    },
    // Each refresh counts the rows, and reads them if their number has changed.
    read: async (scope, statement) => {
      const isCount = renderSql(statement, scope)?.text.includes('count()');
      return isCount ? [{ amount: rows.length }] : rows;
    },
  });
});

const admin: Actor = { author: 'key:admin' };
const toOrgAdmin = (id: string, organizationId = 'acme'): Actor => ({
  author: `key:${id}`,
  organizationId,
});
const create = (actor: Actor, organizationId = 'acme', expiresAt?: number) =>
  store.create({ role: 'VIEWER', name: 'n', organizationId, expiresAt }, actor);

async function createMany(count: number, actor: Actor, organizationId = 'acme'): Promise<void> {
  for (let i = 0; i < count; i++) await create(actor, organizationId);
}

/** Returns a complete key with this ID. */
function createKeyText(id: string): string {
  const body = `psk_${id}_${randomBytes(32).toString('base64url')}`;
  return body + createHash('sha256').update(body).digest('hex').slice(0, 8);
}

describe('ApiKeyStore', () => {
  it('accepts a key that was generated elsewhere, but only one key per ID', async () => {
    const request = { role: 'INGEST', name: 'collector' } as const;
    const text = createKeyText('0123456789abcdef');
    const { key } = await store.create(request, admin, text);
    expect(await store.check(text)).toEqual({ key });
    expect(store.find(text)).toEqual(key);
    const other = createKeyText(key.id);
    expect(store.find(other)).toBeUndefined();
    await expect(store.create(request, admin, other)).rejects.toThrow(
      'the key ID 0123456789abcdef is in use',
    );
    await expect(store.create(request, admin, `${text}0`)).rejects.toThrow('not a complete key');
    expect(rows).toHaveLength(1);
  });

  it('limits the keys that one key creates, and other keys are not affected', async () => {
    await createMany(50, toOrgAdmin('a'));
    await expect(create(toOrgAdmin('a'))).rejects.toThrow(
      'The limit of 50 active keys per key has been reached. Revoke unused keys, then try again.',
    );
    await expect(create(toOrgAdmin('b'))).resolves.toBeDefined();
  });

  it('limits the keys of one organization, and other organizations are not affected', async () => {
    await createMany(50, toOrgAdmin('a'));
    await createMany(50, toOrgAdmin('b'));
    await expect(create(toOrgAdmin('c'))).rejects.toThrow(/100 active keys per organization/);
    await expect(create(admin)).rejects.toThrow(/100 active keys per organization/);
    await expect(create(toOrgAdmin('d', 'other'), 'other')).resolves.toBeDefined();
  });

  it('lets an administrator create keys for many organizations', async () => {
    for (let i = 0; i < 60; i++) await create(admin, `organization-${i}`);
    expect(rows).toHaveLength(60);
  });

  it('counts keys that are still being created', async () => {
    const created = await Promise.allSettled(
      Array.from({ length: 60 }, () => create(toOrgAdmin('a'))),
    );
    expect(created.filter(({ status }) => status === 'fulfilled')).toHaveLength(50);
  });

  it('does not count revoked and expired keys, but limits the new keys per day', async () => {
    const actor = toOrgAdmin('a');
    for (let i = 0; i < 200; i++) {
      const { key } = await create(actor, 'acme', now + 1);
      if (i % 2 === 0) await store.revoke(key.id, actor);
      now += 10;
    }
    await expect(create(actor)).rejects.toThrow(/200 new keys within 24 hours per key/);
    now += DAY_MS;
    await expect(create(actor)).resolves.toBeDefined();
  });
});
