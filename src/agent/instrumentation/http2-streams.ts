import type { ServerHttp2Stream } from 'node:http2';
import { runGuarded } from '../../core/guard.ts';
import { observeMethod } from './method-patching.ts';
import { getRequestState, storeFirstByteTime } from './request-state.ts';

let isObserved = false;

/**
 * Stores what no channel of Node.js publishes: the first byte of a response with a file, and that the
 * server closes a stream. Call it with the first stream. Never throws.
 */
export function observeStreams(part: string, stream: ServerHttp2Stream): void {
  if (isObserved) return;
  isObserved = true;
  const prototype = Object.getPrototypeOf(stream) as object;
  const observe = (name: string, before: (self: ServerHttp2Stream) => void) =>
    runGuarded(part, () => observeMethod(part, prototype, name, { before }));
  observe('respondWithFD', (self) => storeFirstByteTime(getRequestState(self)));
  observe('respondWithFile', (self) => storeFirstByteTime(getRequestState(self)));
  observe('close', (self) => {
    const state = getRequestState(self);
    if (state) state.isClosedByServer = true;
  });
}
