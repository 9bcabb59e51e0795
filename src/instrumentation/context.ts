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
  named: boolean;
}

interface Scope {
  readonly tenant: Tenant | undefined;
  readonly holder: TenantHolder | undefined;
}

const KEY = Symbol.for('perfscope.context');
const WANTED = Symbol.for('perfscope.context.wanted');
const shared = globalThis as { [KEY]?: AsyncLocalStorage<Scope>; [WANTED]?: boolean };
// Shared, because `register` and the application may load two copies of the package.
shared[KEY] ??= new AsyncLocalStorage<Scope>();
const storage = shared[KEY];

/**
 * Says that somebody may name tenants: a header that is configured, or an application that imports
 * the library. Until then requests need no context, which would cost each of them microseconds.
 */
export function wantContext(): void {
  shared[WANTED] = true;
}

/** The tenant that the running work is done for. */
export function currentTenant(): Tenant | undefined {
  return storage.getStore()?.tenant;
}

/** Runs `fn` for `tenant`. The first one named inside a request is that request's tenant too. */
export function runFor<T>(tenant: Tenant | undefined, fn: () => T): T {
  const holder = storage.getStore()?.holder;
  if (holder && !holder.named && tenant) {
    holder.tenant = tenant;
    holder.named = true;
  }
  return storage.run({ tenant, holder }, fn);
}

/** Runs `fn` for `tenant`, away from the request that may have led here. */
export function runApart<T>(tenant: Tenant | undefined, fn: () => T): T {
  return storage.run({ tenant, holder: undefined }, fn);
}

/**
 * Everything that follows belongs to the request of `holder`. It has to be called for each request,
 * or on a kept-alive connection the next one would inherit the last one's tenant.
 */
export function enterRequest(holder: TenantHolder): void {
  if (!shared[WANTED]) return;
  storage.enterWith({ tenant: holder.tenant, holder });
}

type Callback = (this: unknown, ...args: unknown[]) => unknown;

/**
 * A callback that runs for the tenant of this call, whoever calls it back. By hand, because
 * `AsyncLocalStorage.bind` makes a resource for each, which costs microseconds and much memory.
 */
export function bound<F>(callback: F): F {
  const scope = storage.getStore();
  if (scope === undefined || typeof callback !== 'function') return callback;
  const original = callback as unknown as Callback;
  const restored: Callback = function (...args) {
    return storage.run(scope, () => original.apply(this, args));
  };
  return restored as unknown as F;
}
