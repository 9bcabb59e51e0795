import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { EndReason } from '../../../../../src/agent/instrumentation/requests/connection-close.ts';
import {
  OpenConnections,
  OpenRequests,
  type RequestState,
} from '../../../../../src/agent/instrumentation/requests/request-state.ts';

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
  const completed: [string, EndReason][] = [];
  const connections = new OpenConnections((state, reason) =>
    completed.push([state.method, reason]),
  );
  const addRequest = (socket: Socket, method: string, response: object) => {
    const state = { method, response, ended: false };
    connections.getOpenRequests(socket).add(state as unknown as RequestState);
  };
  const closed = Object.assign(new EventEmitter(), { readableEnded: true }) as unknown as Socket;
  const open = new EventEmitter() as Socket;
  addRequest(closed, 'PUT', { writableFinished: false });
  addRequest(open, 'GET', { writableFinished: false });
  addRequest(open, 'POST', { writableFinished: true });
  closed.emit('close');
  connections.completeAll();
  expect(completed).toEqual([
    ['PUT', 'clientClosed'],
    ['GET', 'processEnded'],
    ['POST', 'finished'],
  ]);
});

it('forgets the connections whose listeners Node.js removes, because their protocol changes', () => {
  const completed: string[] = [];
  const connections = new OpenConnections((state) => completed.push(state.method));
  const addRequest = (socket: Socket, method: string) => {
    const openRequests = connections.getOpenRequests(socket);
    const state = { method, response: { writableFinished: true }, ended: false };
    openRequests.add(state as unknown as RequestState);
    return () => openRequests.remove(state as unknown as RequestState);
  };
  const open = new EventEmitter() as Socket;
  const idle = new EventEmitter() as Socket;
  addRequest(open, 'GET');
  addRequest(idle, 'HEAD')();
  for (let i = 0; i < 5000; i++) {
    const upgraded = new EventEmitter() as Socket;
    addRequest(upgraded, 'PUT')();
    upgraded.removeAllListeners('close');
  }
  expect(connections.size).toBeLessThan(3000);
  addRequest(idle, 'POST');
  connections.completeAll();
  expect(completed.toSorted()).toEqual(['GET', 'POST']);
});
