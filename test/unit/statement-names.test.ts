import { expect, it } from 'vitest';
import { StatementNames } from '../../src/questdb/statement-names.ts';

it('names a statement from the second time on, always alike, and no two alike', () => {
  const names = new StatementNames();
  expect(names.of('SELECT 1')).toBeUndefined();
  expect(names.of('SELECT 2')).toBeUndefined();
  const first = names.of('SELECT 1');
  expect(first).toMatch(/^\w+$/);
  expect(names.of('SELECT 1')).toBe(first);
  expect(names.of('SELECT 2')).not.toBe(first);
});

it('keeps a bounded number of names, and those that it has given', () => {
  const names = new StatementNames();
  const texts = Array.from({ length: 5000 }, (_, i) => `SELECT ${i}`);
  const asked = () => texts.map((text) => [names.of(text), names.of(text)][1]);
  const given = asked();
  const named = given.filter((name) => name !== undefined);
  expect(named.length).toBeGreaterThan(50);
  expect(named.length).toBeLessThan(500);
  expect(asked()).toEqual(given);
});
