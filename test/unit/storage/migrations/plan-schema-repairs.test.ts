import { expect, it } from 'vitest';
import {
  createConflict,
  planSchemaRepairs,
} from '../../../../src/storage/migrations/plan-schema-repairs.ts';
import type { StoredRelation } from '../../../../src/storage/migrations/read-schema.ts';

function createRelation(columns: Readonly<Record<string, string>> = {}): StoredRelation {
  return {
    isRollup: false,
    isWal: true,
    timestamp: 'timestamp',
    columns: new Map(
      Object.entries(columns).map(([name, type]) => [name, { type, isDedupKey: false }]),
    ),
  };
}

it.each([
  [{}, 'unit_old'],
  [{ unit_old: 'LONG' }, 'unit_old_2'],
  [{ unit_old: 'LONG', unit_old_2: 'LONG' }, 'unit_old_3'],
])('renames a column to a free name, if the table also has %j', (others, name) => {
  const relation = createRelation({ unit: 'LONG', ...others });
  const { conflicts } = planSchemaRepairs(new Map([['performance_metrics', relation]]), 30);
  expect(conflicts.map(({ params }) => params)).toMatchObject([
    {
      part: 'column',
      statement: `ALTER TABLE performance_metrics RENAME COLUMN unit TO ${name}`,
    },
  ]);
});

it('renames a table to a free name', () => {
  const relation = createRelation();
  const stored = new Map([
    ['silences', { ...relation, isWal: false }],
    ['silences_old', relation],
  ]);
  const { conflicts } = planSchemaRepairs(stored, 30);
  expect(conflicts.map(({ message }) => message)).toEqual([
    'The table silences is not a WAL table, so QuestDB can reject rows. Perfscope creates a new table after you run this statement in the QuestDB console: RENAME TABLE silences TO silences_old_2;',
  ]);
  const { statement } = createConflict('silences', 'is wrong', 'roll-up', new Map()).params;
  expect(statement).toBe('RENAME TABLE silences TO silences_old');
});
