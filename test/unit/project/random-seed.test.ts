import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chooseSeed } from '../../support/random-seed.ts';

it('uses one seed in all test files', () => {
  const { seed } = fc.readConfigureGlobal();
  expect(String(seed)).toBe(process.env.PERFSCOPE_TEST_SEED);
  const take = () => fc.sample(fc.integer(), 5);
  expect(take()).toEqual(take());
});

it('uses a fixed seed, unless PERFSCOPE_TEST_SEED contains another one', () => {
  expect(chooseSeed({})).toBe(42);
  expect(chooseSeed({ CI: 'true', PERFSCOPE_TEST_SEED: '' })).toBe(42);
  expect(chooseSeed({ PERFSCOPE_TEST_SEED: '-7' })).toBe(-7);
  const seeds = Array.from({ length: 5 }, () => chooseSeed({ PERFSCOPE_TEST_SEED: 'random' }));
  expect(new Set(seeds).size).toBeGreaterThan(1);
  expect(seeds.every(Number.isInteger)).toBe(true);
  expect(() => chooseSeed({ PERFSCOPE_TEST_SEED: '4x' })).toThrow('PERFSCOPE_TEST_SEED');
});
