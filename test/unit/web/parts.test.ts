import '../../support/browser-stub.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listParts, type PartFigures } from '../../../src/web/data/parts.tsx';

describe('listParts', () => {
  it('returns the parts with their shares and calls', () => {
    const parts = listParts({
      databaseTime: 30,
      databaseCalls: 2.5,
      outgoingTime: 10,
      ownTime: 60,
      connectionWaitTime: 0,
    });
    expect(parts.map(({ name, ms, share, calls }) => [name, ms, share, calls])).toEqual([
      ['database', 30, 0.3, 2.5],
      ['outgoing', 10, 0.1, undefined],
      ['queue', 0, 0, undefined],
      ['connectionWait', 0, 0, undefined],
      ['eventLoopWait', 0, 0, undefined],
      ['own', 60, 0.6, undefined],
    ]);
  });

  it('is empty if the parts were not recorded, or took no time', () => {
    expect(listParts({})).toEqual([]);
    expect(listParts({ databaseTime: 30 })).toEqual([]);
    expect(listParts({ ownTime: 0 })).toEqual([]);
  });

  it('has shares from 0 to 1, which add up to 1', () => {
    const time = fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { nil: undefined });
    const figures: fc.Arbitrary<PartFigures> = fc.record({
      databaseTime: time,
      outgoingTime: time,
      queueTime: time,
      connectionWaitTime: time,
      eventLoopWaitTime: time,
      ownTime: fc.double({ min: 1, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(figures, (value) => {
        const shares = listParts(value).map(({ share }) => share);
        expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 9);
        expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
      }),
    );
  });
});
