import { guard } from '../../../core/guard.ts';
import { getCurrentScope, runWithScope, type TenantScope } from '../context/tenant-context.ts';
import { ExistingObject } from '../loading/hidden-property.ts';
import {
  findPropertyOwner,
  type Method,
  type MethodRecord,
  observeMethod,
} from '../loading/method-patching.ts';
import { getGrpcTarget } from './call-target.ts';
import { OutgoingCall, type OutgoingRecorder } from './outgoing-recorder.ts';

/** What fails, for {@link guard}. */
const PART = 'the metrics of the gRPC client';

interface Channel {
  getTarget(): string;
}

interface MethodDefinition {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** Functions of the library that receive the response. */
type Listener = Record<'onReceiveMetadata' | 'onReceiveMessage' | 'onReceiveStatus', Method>;

/** Stores the method and the channel of a call. Interceptors create further objects for the same call. */
class OutermostCallField extends ExistingObject {
  readonly #definition: MethodDefinition;
  readonly #channel: Channel;
  #isStarted = false;

  private constructor(call: object, definition: MethodDefinition, channel: Channel) {
    super(call);
    this.#definition = definition;
    this.#channel = channel;
  }

  static set(call: object, definition: MethodDefinition, channel: Channel): void {
    if (!(#channel in call)) new OutermostCallField(call, definition, channel);
  }

  /** Returns undefined for an inner call, or if the call has started. A class can call the method of its base class. */
  static start(call: object): OutgoingCall | undefined {
    if (!(#channel in call) || call.#isStarted) return undefined;
    call.#isStarted = true;
    const target = getGrpcTarget(call.#channel.getTarget());
    return OutgoingCall.createGrpc(call.#definition.path.replace(/^\//, ''), target);
  }

  static isStream(call: object): boolean {
    if (!(#channel in call)) return false;
    const { requestStream, responseStream } = call.#definition;
    return requestStream || responseStream;
  }
}

/** Creates a function that patches `build/src/client-interceptors.js`. Retries are a part of the call. */
export function createClientPatch(outgoing: OutgoingRecorder): (exports: unknown) => void {
  const start = guard(PART, (call: object, listener: Listener) => {
    const outgoingCall = OutermostCallField.start(call);
    if (outgoingCall === undefined) return;
    observeListener(listener, outgoingCall, OutermostCallField.isStream(call));
  });

  /** The listener is an object of the library, which creates it for each call. */
  function observeListener(listener: Listener, call: OutgoingCall, isStream: boolean): void {
    const scope = getCurrentScope();
    const onMetadata = guard(PART, () => {
      if (isStream) outgoing.receiveHeaders(call, 0);
    });
    const onStatus = guard(PART, (status: { readonly code: number }) => {
      outgoing.endGrpc(call, status.code);
    });
    const observe = (name: keyof Listener, before?: Method) => {
      const original = listener[name];
      listener[name] = runBefore(original, scope, before);
    };
    observe('onReceiveMetadata', onMetadata);
    observe('onReceiveMessage');
    observe('onReceiveStatus', onStatus);
  }

  /** The classes of calls without interceptors aren't exported. */
  const patchedPrototypes = new WeakSet<object>();
  const patchClass = (call: object): void => {
    const prototype = findPropertyOwner(call, 'start');
    if (prototype === undefined || prototype === call || patchedPrototypes.has(prototype)) return;
    patchedPrototypes.add(prototype);
    observeMethod<object>(PART, prototype, 'start', {
      before: (self, [, listener]) => start(self, listener as Listener),
    });
  };

  return (exports) => {
    observeMethod(PART, exports as MethodRecord, 'getInterceptingCall', {
      after: (_exports, call: object, [, definition, , channel]) => {
        patchClass(call);
        OutermostCallField.set(call, definition as MethodDefinition, channel as Channel);
      },
    });
  };
}

/** Returns a function that calls `original` in the scope of the caller, because the connection has another context. */
function runBefore(
  original: Method,
  scope: TenantScope | undefined,
  before: Method | undefined,
): Method {
  return function (this: unknown, value) {
    before?.(value);
    return runWithScope(scope, () => original.call(this, value));
  };
}
