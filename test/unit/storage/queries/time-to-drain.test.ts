import { expect, it } from 'vitest';
import { computeTimeToDrain } from '../../../../src/storage/queries/queue-stats.ts';

it('computes the time until a queue is empty only if jobs ended', () => {
  expect(computeTimeToDrain(100, { arrivalRate: 1, completionRate: 3 })).toBe(50_000);
  expect(computeTimeToDrain(100, { arrivalRate: 3, completionRate: 1 })).toBe(
    Number.POSITIVE_INFINITY,
  );
  // Nothing shows that the queue is processed.
  expect(computeTimeToDrain(250, { arrivalRate: 0, completionRate: 0 })).toBeUndefined();
  expect(computeTimeToDrain(250, { arrivalRate: 5, completionRate: 0 })).toBeUndefined();
  expect(computeTimeToDrain(0, { arrivalRate: 5, completionRate: 0 })).toBe(0);
  expect(computeTimeToDrain(undefined, { arrivalRate: 5, completionRate: 1 })).toBeUndefined();
});
