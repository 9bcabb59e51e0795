import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatNanos, parseNanos, toMs, toUnixNano } from '../../../../src/core/otel/unix-nano.ts';

const nanos = fc.bigInt(0n, 2n ** 64n - 1n);

it('converts ns to the nearest ms', () => {
  fc.assert(
    fc.property(nanos, (value) => {
      const ms = toMs(Number(value >> 32n), Number(value & 0xffff_ffffn));
      const expected = Number(value / 1_000_000n) + Number(value % 1_000_000n) / 1e6;
      expect(ms).toBe(expected);
      expect(parseNanos(String(value))).toBe(expected);
    }),
  );
});

it('converts whole ms to ns and back without a difference', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 44 - 1 }), (timeMs) => {
      const { high, low } = toUnixNano(timeMs);
      expect((BigInt(high) << 32n) | BigInt(low)).toBe(BigInt(timeMs) * 1_000_000n);
      expect(toMs(high, low)).toBe(timeMs);
      expect(formatNanos(timeMs)).toBe(String(BigInt(timeMs) * 1_000_000n));
      expect(parseNanos(formatNanos(timeMs))).toBe(timeMs);
    }),
  );
});

it.each([
  [0.000_001, '1'],
  [1.5, '1500000'],
  [1_764_303_600_000.25, '1764303600000250000'],
  [0.999_999_9, '1000000'],
])('writes %d ms as %s ns', (timeMs, expected) => {
  expect(formatNanos(timeMs)).toBe(expected);
});
