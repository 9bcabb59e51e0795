import { expect, it } from 'vitest';
import { newKey } from '../../src/access/api-key.ts';
import { auditTo } from '../../src/access/audit.ts';
import type { Add } from '../../src/schema/tables.ts';

function rowOf(detail: Record<string, unknown>): { detail?: string } {
  const rows: unknown[] = [];
  const add: Add = (_table, more) => rows.push(...more);
  auditTo(add, () => 7)({ author: 'key:1', action: 'rule.change', object: 'r', detail });
  expect(rows[0]).toMatchObject({ timestamp: 7, seq: 1, author: 'key:1', action: 'rule.change' });
  return rows[0] as { detail?: string };
}

it('keeps what was changed, at any depth, without its secrets', () => {
  const key = newKey().text;
  const { detail } = rowOf({
    threshold: 5,
    to: { url: 'https://user:pass@hooks.example', botToken: 'abc', password: 'abc' },
    said: `used ${key} and Bearer abcdef`,
    list: [{ secret: 'abc' }],
  });
  expect(JSON.parse(String(detail))).toEqual({
    threshold: 5,
    to: { url: 'https://[credentials]@hooks.example', botToken: '[secret]', password: '[secret]' },
    said: 'used [key] and Bearer [secret]',
    list: [{ secret: '[secret]' }],
  });
});

it('stays small', () => {
  const { detail } = rowOf({ list: Array.from({ length: 5000 }, () => 'word') });
  expect(detail).toBe('{"detail":"too long"}');
});
