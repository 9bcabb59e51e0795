import { expect, it } from 'vitest';
import { StatementNames } from '../../../../src/storage/questdb/postgres-wire-reader.ts';

it('assigns a unique name to a statement when it is used a second time', () => {
  const names = new StatementNames();
  expect(names.getName('SELECT 1')).toBeUndefined();
  expect(names.getName('SELECT 2')).toBeUndefined();
  const first = names.getName('SELECT 1');
  expect(first).toMatch(/^\w+$/);
  expect(names.getName('SELECT 1')).toBe(first);
  expect(names.getName('SELECT 2')).not.toBe(first);
});

it('limits the number of names and does not change assigned names', () => {
  const names = new StatementNames();
  const texts = Array.from({ length: 5000 }, (_, i) => `SELECT ${i}`);
  const getSecondNames = () => texts.map((text) => [names.getName(text), names.getName(text)][1]);
  const assigned = getSecondNames();
  const named = assigned.filter((name) => name !== undefined);
  expect(named.length).toBeGreaterThan(50);
  expect(named.length).toBeLessThan(500);
  expect(getSecondNames()).toEqual(assigned);
});
