import { defineTable, type InferRow } from '../table-definition.ts';

/**
 * One change to an API key: created or revoked. The key itself is never stored. `hash` is the
 * SHA-256 hash of its secret part. `properties` is a JSON array of names. If empty, all properties
 * are allowed.
 */
export const apiKeysTable = defineTable({
  name: 'api_keys',
  columns: {
    id: 'varchar',
    seq: 'long',
    state: 'symbol',
    name: 'varchar',
    role: 'symbol',
    organizationId: 'symbol',
    properties: 'varchar',
    hash: 'varchar',
    expiresAt: 'timestamp',
    author: 'varchar',
  },
  dedupKeys: ['id', 'seq'],
});

export type ApiKeyRow = InferRow<typeof apiKeysTable>;
