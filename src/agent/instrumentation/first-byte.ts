import type { ServerResponse } from 'node:http';
import { guard } from '../../core/guard.ts';
import { type Method, wrapMethod } from './method-patching.ts';
import { getHttp1State } from './request-state.ts';

/** Private fields of Node.js (lib/_http_outgoing.js). They are the same in Node.js 22, 24, and 26. */
interface ResponseInternals extends ServerResponse {
  readonly _headerSent?: boolean;
}

let isObserved = false;

/**
 * Stores the time of the first byte of each HTTP/1 response in the state of its request. Call it when
 * the first request arrives, because `node:http` is then loaded.
 *
 * Node.js sends the headers and all parts of the body with `ServerResponse.prototype._send`. There is
 * no channel or event for the first byte. Without this method, the first byte has the time of the end.
 */
export function observeFirstBytes(part: string): void {
  if (isObserved) return;
  isObserved = true;
  const storeFirstByte = guard(part, (response: ServerResponse) => {
    const state = getHttp1State(response.req);
    if (state?.firstByteMs === 0) state.firstByteMs = performance.now();
  });
  const { ServerResponse } = process.getBuiltinModule('node:http');
  wrapMethod(ServerResponse.prototype, '_send', (original: Method) => {
    // Rest parameters would take 20 ns more.
    return function _send(this: ResponseInternals, data, encoding, callback, byteLength) {
      if (!this._headerSent) storeFirstByte(this);
      return original.call(this, data, encoding, callback, byteLength);
    };
  });
}
