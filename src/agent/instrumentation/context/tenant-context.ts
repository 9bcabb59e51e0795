import { AsyncLocalStorage } from 'node:async_hooks';
import { reportFailure } from '../../../core/guard.ts';
import type { Caller, JobRun, Tenant } from './caller.ts';
import type { OperationOwner } from './request-parts.ts';

export type { Caller, JobRun, Tenant } from './caller.ts';

/** An HTTP request in progress, whose tenant `withTenant` can set later. */
export interface TenantHolder extends OperationOwner, Caller {
  /** Whether `withTenant` set the tenant. Otherwise, it comes from the headers or the resolver. */
  isTenantExplicit: boolean;
}

export interface TenantScope {
  readonly tenant: Tenant | undefined;
  readonly holder: TenantHolder | undefined;
  /** The job that the agent measures. */
  readonly job?: JobRun | undefined;
}

/** What fails, for {@link reportFailure}. */
const PART = 'the tenant context';
const CONTEXT_KEY = Symbol.for('perfscope.context');
const sharedGlobal = globalThis as { readonly [CONTEXT_KEY]?: AsyncLocalStorage<TenantScope> };
const contextStorage = sharedGlobal[CONTEXT_KEY] ?? new AsyncLocalStorage<TenantScope>();
/**
 * Stored on the global object, because `register` and the application can load separate copies of this
 * module. The property isn't enumerable, so that the application doesn't notice it.
 */
Object.defineProperty(globalThis, CONTEXT_KEY, { value: contextStorage, configurable: true });

/** Scope of the library code that is running now, see {@link runLibraryCode}. */
let libraryScope: TenantScope | undefined;
const NO_SCOPE: TenantScope = { tenant: undefined, holder: undefined };

/** Returns the scope of the current asynchronous context, or undefined outside of requests and jobs. */
export function getCurrentScope(): TenantScope | undefined {
  return libraryScope ?? contextStorage.getStore();
}

/**
 * Runs a library's own callback with the scope of its caller. Operations that it starts synchronously belong to this
 * scope. The callback must not run code of the application, because its asynchronous context isn't changed. To change
 * it takes a microsecond, and about 1 KB of memory.
 */
export function runLibraryCode<T>(scope: TenantScope | undefined, fn: () => T): T {
  const outer = libraryScope;
  libraryScope = scope ?? NO_SCOPE;
  try {
    return fn();
  } finally {
    libraryScope = outer;
  }
}

/** Whether the current code runs inside {@link runLibraryCode}. */
export function isLibraryCode(): boolean {
  return libraryScope !== undefined;
}

/** Returns the tenant of the current asynchronous context. */
export function getCurrentTenant(): Tenant | undefined {
  return getCurrentScope()?.tenant;
}

/** Runs `fn` for `tenant`. Inside a request, the first tenant also becomes the request's tenant. */
export function runWithTenant<T>(tenant: Tenant | undefined, fn: () => T): T {
  const { holder, job } = contextStorage.getStore() ?? {};
  if (holder && !holder.isTenantExplicit && tenant) {
    holder.tenant = tenant;
    holder.isTenantExplicit = true;
  }
  return runInScope({ tenant, holder, job }, fn);
}

/** Runs a job for its tenant, outside the context of a request that might have started it. */
export function runJob<T>(job: JobRun, fn: () => T): T {
  return runInScope({ tenant: job.tenant, holder: undefined, job }, fn);
}

/** Runs the handler of a request that didn't arrive over HTTP. */
export function runRequest<T>(holder: TenantHolder, fn: () => T): T {
  return runInScope({ tenant: holder.tenant, holder }, fn);
}

/** Whether the current code handles a request or a job that the agent measures. Never throws. */
export function isInMeasuredOperation(): boolean {
  try {
    const scope = contextStorage.getStore();
    return scope !== undefined && (scope.holder !== undefined || scope.job !== undefined);
  } catch (error) {
    reportFailure(PART, error);
    return false;
  }
}

/**
 * Runs `fn` exactly once, even if the context fails. `AsyncLocalStorage.run` could fail before it calls `fn`. To catch and
 * rethrow errors of `fn` would change what Node.js prints about an uncaught error.
 */
function runInScope<T>(scope: TenantScope | undefined, fn: () => T): T {
  const outer = libraryScope;
  const prior = readScope();
  libraryScope = undefined;
  if (prior !== scope) enterScope(scope);
  try {
    return fn();
  } finally {
    libraryScope = outer;
    if (prior !== scope) enterScope(prior);
  }
}

function readScope(): TenantScope | undefined {
  try {
    return contextStorage.getStore();
  } catch (error) {
    reportFailure(PART, error);
    return undefined;
  }
}

function enterScope(scope: TenantScope | undefined): void {
  try {
    contextStorage.enterWith(scope as TenantScope);
  } catch (error) {
    reportFailure(PART, error);
  }
}

/**
 * Enters the context of a request. Must be called for every request. Otherwise, the next request on
 * a keep-alive connection would inherit the previous request's tenant.
 */
export function enterRequestContext(holder: TenantHolder): void {
  contextStorage.enterWith({ tenant: holder.tenant, holder });
}

/**
 * Leaves the context of an earlier request of the connection. Must be called for every request that isn't
 * measured.
 */
export function leaveRequestContext(): void {
  if (contextStorage.getStore() === undefined) return;
  contextStorage.enterWith({ tenant: undefined, holder: undefined });
}

type Callback = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Returns arguments whose callback always runs in the current tenant context. Outside of requests, this prevents that it
 * runs in the context of the request that opened the connection. `AsyncLocalStorage.bind` would also change the contexts
 * of the application.
 *
 * `args` itself isn't changed: if a wrapper changes its rest parameter, optimized code of Node.js 24
 * sometimes passes on the original arguments.
 *
 * @param index where the callback is, if there is one
 */
export function bindCallback(args: unknown[], index: number): unknown[] {
  const scope = getCurrentScope();
  const callback = args[index];
  if (typeof callback !== 'function') return args;
  const original = callback as Callback;
  const bound: Callback = function (...callbackArgs) {
    return runInScope(scope, () => original.apply(this, callbackArgs));
  };
  return args.with(index, bound);
}
