import { expect, it } from 'vitest';
import type { AddRows } from '../../../../src/core/schema/table-registry.ts';
import { generateApiKey } from '../../../../src/server/access/api-key-secret.ts';
import { createAuditLogger } from '../../../../src/server/access/audit-logger.ts';

function logDetail(detail: Record<string, unknown>): { detail?: string } {
  const rows: unknown[] = [];
  const add: AddRows = (_table, more) => rows.push(...more);
  createAuditLogger(add, () => 7)({ author: 'key:1', action: 'rule.change', object: 'r', detail });
  expect(rows[0]).toMatchObject({ timestamp: 7, seq: 1, author: 'key:1', action: 'rule.change' });
  return rows[0] as { detail?: string };
}

it('stores nested details, and redacts secrets at any depth', () => {
  const key = generateApiKey().text;
  const { detail } = logDetail({
    threshold: 5,
    to: { url: 'https://user:pass@hooks.example', botToken: 'abc', password: 'abc' },
    message: `used ${key} and Bearer abcdef`,
    list: [{ secret: 'abc' }],
  });
  expect(JSON.parse(String(detail))).toEqual({
    threshold: 5,
    to: { url: 'https://[credentials]@hooks.example', botToken: '[secret]', password: '[secret]' },
    message: 'used [key] and Bearer [secret]',
    list: [{ secret: '[secret]' }],
  });
});

it('omits details that are too long', () => {
  const { detail } = logDetail({ list: Array.from({ length: 5000 }, () => 'word') });
  expect(detail).toBe('{"detail":"too long"}');
});
