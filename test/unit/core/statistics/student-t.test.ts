import fc from 'fast-check';
import { expect, it } from 'vitest';
import { computeTQuantile, computeTTail } from '../../../../src/core/statistics/student-t.ts';

// Values of scipy.stats.t.
it.each([
  [0, 5, 0.5],
  [2, 10, 0.036_694_017_385_370_196],
  [-2, 10, 0.963_305_982_614_63],
  [3.169_272_672_616_842, 10, 0.005],
  [2.042_272_456_301_238, 30, 0.025],
  [636.619_248_768_8, 1, 0.0005],
  [4.753_424_308_822_9, Number.POSITIVE_INFINITY, 1e-6],
])('the tail of %d with %d degrees of freedom is %d', (t, degrees, expected) => {
  expect(computeTTail(t, degrees) / expected).toBeCloseTo(1, degrees > 1000 ? 2 : 6);
});

it('the quantile is the inverse of the tail', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-8, max: 0.5, noNaN: true }),
      fc.double({ min: 1, max: 1000, noNaN: true }),
      (tail, degrees) => {
        const t = computeTQuantile(tail, degrees);
        expect(computeTTail(t, degrees) / tail).toBeCloseTo(1, 4);
      },
    ),
  );
});
