import { guard } from '../../../../core/guard.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import type { FilePatch, LibraryHooks } from '../../loading/library.ts';
import { copyFunctionProperties, type Method } from '../../loading/method-patching.ts';
import { getCurrentRequestState, type RequestState } from '../../requests/request-state.ts';

/** What fails, for {@link guard}. */
const PART = 'the tRPC instrumentation';

interface ErrorReport {
  readonly error: { readonly code?: unknown; readonly cause?: unknown };
}

/** The argument of the function that responds to a request. */
interface ResolverOptions {
  readonly req: {
    /** Absolute URL, in version 11. */
    readonly url?: string;
    /** In version 10. */
    readonly query?: URLSearchParams;
  };
  readonly onError?: (report: ErrorReport) => unknown;
}

type RequestKind = 'single' | 'batch';

/** Stores that tRPC handles a request. */
class RequestKindField extends ExistingObject {
  readonly #kind: RequestKind;

  private constructor(state: object, kind: RequestKind) {
    super(state);
    this.#kind = kind;
  }

  static get(state: object): RequestKind | undefined {
    return #kind in state ? state.#kind : undefined;
  }

  static set(state: object, kind: RequestKind): void {
    if (!(#kind in state)) new RequestKindField(state, kind);
  }
}

/** Returns whether a request calls one procedure or several. Undefined if the request isn't handled by tRPC. */
export function isProcedureRequest(state: RequestState): RequestKind | undefined {
  return RequestKindField.get(state);
}

/** Matches the parameter of a batch. */
const BATCH_PARAMETER = /[?&]batch=1(?:&|$)/;

/** Stores the kind of a request, and returns options that also store errors outside procedures. */
const enterRequest = guard(PART, (options: ResolverOptions): ResolverOptions | undefined => {
  const state = getCurrentRequestState();
  if (state === undefined) return undefined;
  state.hasFramework = true;
  const { url = '', query } = options.req;
  const isBatch = query ? Boolean(query.get('batch')) : BATCH_PARAMETER.test(url);
  RequestKindField.set(state, isBatch ? 'batch' : 'single');
  const { onError } = options;
  return {
    ...options,
    onError(this: unknown, report) {
      storeError(state, report);
      return onError?.call(this, report);
    },
  };
});

/** Stores the error of a request that fails outside its procedures, such as in `createContext`. */
const storeError = guard(PART, (state: RequestState, { error }: ErrorReport) => {
  if (error.code === 'INTERNAL_SERVER_ERROR') state.thrown ??= error.cause ?? error;
});

function observeResolver(original: unknown): Method {
  if (typeof original !== 'function') throw new TypeError('function not found');
  const resolver: Method = function (this: unknown, options: ResolverOptions, ...args: unknown[]) {
    return (original as Method).call(this, enterRequest(options) ?? options, ...args);
  };
  copyFunctionProperties(original as Method, resolver);
  return resolver;
}

function createPatch(name: string): FilePatch {
  return (exports) => {
    const object = exports as Record<string, unknown>;
    const value = observeResolver(object[name]);
    // Version 11 exports getters, which can't be replaced.
    const descriptors = Object.getOwnPropertyDescriptors(object);
    descriptors[name] = { value, enumerable: true, configurable: true, writable: true };
    return Object.create(Object.getPrototypeOf(object) as object | null, descriptors) as object;
  };
}

function createModulePatch(name: string) {
  return {
    names: [name],
    patch: (variables: Record<string, unknown>) => {
      variables[name] = observeResolver(variables[name]);
    },
  };
}

const NEW_NAME = 'resolveResponse';
const OLD_NAME = 'resolveHTTPResponse';
const FOLDER = 'dist/unstable-core-do-not-import/http';

/** Replaces the function that all adapters for HTTP call. */
export const replaceResolver: LibraryHooks = {
  patches: {
    'dist/resolveResponse-*.cjs': createPatch(NEW_NAME),
    [`${FOLDER}/resolveResponse.js`]: createPatch(NEW_NAME),
    'dist/resolveHTTPResponse-*.js': createPatch(OLD_NAME),
  },
  modules: {
    'dist/resolveResponse-*.mjs': createModulePatch(NEW_NAME),
    [`${FOLDER}/resolveResponse.mjs`]: createModulePatch(NEW_NAME),
    'dist/resolveHTTPResponse-*.mjs': createModulePatch(OLD_NAME),
  },
};
