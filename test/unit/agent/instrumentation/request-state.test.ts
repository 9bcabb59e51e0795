import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  OpenConnections,
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

it('completes the open requests of all connections that are not closed', () => {
  const completed: [string, boolean][] = [];
  const connections = new OpenConnections((state, aborted) =>
    completed.push([state.method, aborted]),
  );
  const addRequest = (socket: Socket, method: string, writableFinished: boolean) => {
    const state = { method, response: { writableFinished }, ended: false };
    connections.getOpenRequests(socket).add(state as unknown as RequestState);
  };
  const [closed, open] = [new EventEmitter() as Socket, new EventEmitter() as Socket];
  addRequest(closed, 'PUT', false);
  addRequest(open, 'GET', false);
  addRequest(open, 'POST', true);
  closed.emit('close');
  connections.completeAll();
  expect(completed).toEqual([
    ['PUT', true],
    ['GET', true],
    ['POST', false],
  ]);
});
