import { AsyncLocalStorage } from 'node:async_hooks';

/** Whom a piece of work is done for. */
export interface Tenant {
  organizationId?: string | undefined;
  propertyId?: string | undefined;
  userId?: string | undefined;
}

/** What can be named later by `withTenant`: a request that is being answered. */
export interface TenantHolder {
  tenant: Tenant | undefined;
  /** Whether the application itself has named it, rather than a header. */
  isTenantExplicit: boolean;
}

interface TenantScope {
  readonly tenant: Tenant | undefined;
  readonly holder: TenantHolder | undefined;
}

const CONTEXT_KEY = Symbol.for('perfscope.context');
const CONTEXT_ENABLED_KEY = Symbol.for('perfscope.context.wanted');
const sharedGlobal = globalThis as {
  [CONTEXT_KEY]?: AsyncLocalStorage<TenantScope>;
  [CONTEXT_ENABLED_KEY]?: boolean;
};
// Shared, because `register` and the application may load two copies of the package.
sharedGlobal[CONTEXT_KEY] ??= new AsyncLocalStorage<TenantScope>();
const contextStorage = sharedGlobal[CONTEXT_KEY];

/**
 * Says that somebody may name tenants: a header that is configured, or an application that imports
 * the library. Until then requests need no context, which would cost each of them microseconds.
 */
export function enableTenantContext(): void {
  sharedGlobal[CONTEXT_ENABLED_KEY] = true;
}

/** The tenant that the running work is done for. */
export function getCurrentTenant(): Tenant | undefined {
  return contextStorage.getStore()?.tenant;
}

/** Runs `fn` for `tenant`. The first one named inside a request is that request's tenant too. */
export function runWithTenant<T>(tenant: Tenant | undefined, fn: () => T): T {
  const holder = contextStorage.getStore()?.holder;
  if (holder && !holder.isTenantExplicit && tenant) {
    holder.tenant = tenant;
    holder.isTenantExplicit = true;
  }
  return contextStorage.run({ tenant, holder }, fn);
}

/** Runs `fn` for `tenant`, away from the request that may have led here. */
export function runDetachedWithTenant<T>(tenant: Tenant | undefined, fn: () => T): T {
  return contextStorage.run({ tenant, holder: undefined }, fn);
}

/**
 * Everything that follows belongs to the request of `holder`. It has to be called for each request,
 * or on a kept-alive connection the next one would inherit the last one's tenant.
 */
export function enterRequestContext(holder: TenantHolder): void {
  if (!sharedGlobal[CONTEXT_ENABLED_KEY]) return;
  contextStorage.enterWith({ tenant: holder.tenant, holder });
}

type Callback = (this: unknown, ...args: unknown[]) => unknown;

/**
 * A callback that runs for the tenant of this call, whoever calls it back. By hand, because
 * `AsyncLocalStorage.bind` makes a resource for each, which costs microseconds and much memory.
 */
export function bindTenantContext<F>(callback: F): F {
  const scope = contextStorage.getStore();
  if (scope === undefined || typeof callback !== 'function') return callback;
  const original = callback as unknown as Callback;
  const restored: Callback = function (...args) {
    return contextStorage.run(scope, () => original.apply(this, args));
  };
  return restored as unknown as F;
}
