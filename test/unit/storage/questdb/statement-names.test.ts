import { expect, it } from 'vitest';
import { StatementNames } from '../../../../src/storage/questdb/questdb-reader.ts';

it('names a statement from the second time on, always alike, and no two alike', () => {
  const names = new StatementNames();
  expect(names.getName('SELECT 1')).toBeUndefined();
  expect(names.getName('SELECT 2')).toBeUndefined();
  const first = names.getName('SELECT 1');
  expect(first).toMatch(/^\w+$/);
  expect(names.getName('SELECT 1')).toBe(first);
  expect(names.getName('SELECT 2')).not.toBe(first);
});

it('keeps a bounded number of names, and those that it has given', () => {
  const names = new StatementNames();
  const texts = Array.from({ length: 5000 }, (_, i) => `SELECT ${i}`);
  const asked = () => texts.map((text) => [names.getName(text), names.getName(text)][1]);
  const given = asked();
  const named = given.filter((name) => name !== undefined);
  expect(named.length).toBeGreaterThan(50);
  expect(named.length).toBeLessThan(500);
  expect(asked()).toEqual(given);
});
