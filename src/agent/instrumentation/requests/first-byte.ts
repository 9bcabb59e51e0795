import type { ServerResponse } from 'node:http';
import { guard, runGuarded } from '../../../core/guard.ts';
import { type Method, type MethodRecord, wrapMethod } from '../loading/method-patching.ts';
import { getHttp1State, storeFirstByteTime } from './request-state.ts';

/** Private fields of Node.js (lib/_http_outgoing.js). They are the same in Node.js 22, 24, and 26. */
interface ResponseInternals extends ServerResponse {
  readonly _headerSent?: boolean;
}

let isObserved = false;

/**
 * Stores the time of the first byte of each HTTP/1 response in the state of its request. Call it when
 * the first request arrives, because `node:http` is then loaded. Never throws.
 *
 * Node.js sends the headers and all parts of the body with `ServerResponse.prototype._send`. There is
 * no channel or event for the first byte. Without this method, the end of the
 * response counts as the first byte.
 */
export function observeFirstBytes(part: string): void {
  if (isObserved) return;
  isObserved = true;
  runGuarded(part, () => patchSend(process.getBuiltinModule('node:http').ServerResponse, part));
}

/** @param responseClass `ServerResponse`, which inherits `_send` */
export function patchSend({ prototype }: { prototype: object }, part: string): void {
  const storeFirstByte = guard(part, (response: ServerResponse) => {
    // With pipelining, a response without a socket waits for the responses before it.
    if (response.socket !== null) storeFirstByteTime(getHttp1State(response.req));
  });
  const base = Object.getPrototypeOf(prototype) as MethodRecord;
  const isInherited = !Object.hasOwn(prototype, '_send');
  wrapMethod(prototype, '_send', (original: Method) => {
    // Rest parameters would take 20 ns more.
    return function _send(this: ResponseInternals, data, encoding, callback, byteLength) {
      if (!this._headerSent) storeFirstByte(this);
      // The application can replace the inherited method later.
      const send = isInherited ? base._send! : original;
      return send.call(this, data, encoding, callback, byteLength);
    };
  });
}
