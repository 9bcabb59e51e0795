import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  OpenRequests,
  type RequestState,
} from '../../../../src/agent/instrumentation/request-state.ts';

it('lists only the open requests, regardless of the order in which requests start and end', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(5), { nil: undefined }), { maxLength: 60 }), (steps) => {
      const openRequests = new OpenRequests();
      const expected: RequestState[] = [];
      for (const step of steps) {
        if (step === undefined) {
          const state = { ended: false, previous: undefined } as unknown as RequestState;
          openRequests.add(state);
          expected.push(state);
        } else if (step < expected.length) {
          const [ended] = expected.splice(step, 1);
          ended!.ended = true;
          openRequests.remove(ended!);
          expect(ended!.previous).toBeUndefined();
        }
        expect(openRequests.all()).toEqual(expected);
        expect(openRequests.all().every((state, i) => state === expected[i])).toBe(true);
      }
    }),
  );
});
