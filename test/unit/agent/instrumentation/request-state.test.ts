import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RequestState } from '../../../../src/agent/instrumentation/request-state.ts';
import { OpenRequests } from '../../../../src/agent/instrumentation/request-state.ts';

it('knows what is open, and keeps nothing else, in whatever order requests come and end', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(5), { nil: undefined }), { maxLength: 60 }), (steps) => {
      const open = new OpenRequests();
      const expected: RequestState[] = [];
      for (const step of steps) {
        if (step === undefined) {
          const state = { ended: false, previous: undefined } as unknown as RequestState;
          open.add(state);
          expected.push(state);
        } else if (step < expected.length) {
          const [ended] = expected.splice(step, 1);
          ended!.ended = true;
          open.remove(ended!);
          expect(ended!.previous).toBeUndefined();
        }
        expect(open.all()).toEqual(expected);
        expect(open.all().every((state, i) => state === expected[i])).toBe(true);
      }
    }),
  );
});
