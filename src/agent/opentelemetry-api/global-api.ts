import type { MeterProvider } from '@opentelemetry/api';
import { runGuarded } from '../../core/guard.ts';
import { ApiCopies, type ApiCopy, parseMinorVersion } from './api-copies.ts';
import { CallerInspector } from './calling-function.ts';
import { API_KEY, type SharedApi } from './shared-api.ts';

const PART = 'the OpenTelemetry API';
/**
 * Newest minor version whose registration can't be used by all published copies. The function
 * `getGlobal` of a copy ignores a registration by an older minor version.
 */
const LAST_OLD_MINOR = 9;
/**
 * If so many calls in an application with an SDK came from no newer copy, later calls are not
 * inspected.
 */
const MAX_INSPECTIONS_WITH_SDK = 5000;

export interface GlobalApiOptions {
  /** Receives the meters that the application creates while it has no meter provider. */
  provider: MeterProvider;
  /** Called when the application registers a meter provider. */
  onRegister: (provider: MeterProvider) => void;
}

/**
 * Makes a meter provider available through `@opentelemetry/api` without registering it. The API
 * accepts only one registration, and only from copies of one version. The application can therefore
 * still register its own SDK with any copy, before or after this object is created.
 *
 * Each copy reads the shared object from a property of the global object. An accessor replaces this
 * property. Until the application registers an SDK, the API's function `getGlobal` receives an object
 * with our provider. All other functions, such as `registerGlobal`, receive undefined, as without the
 * agent. A minified copy has other function names, so it isn't measured until then.
 *
 * The accessor is inherited by the global object, and a second accessor with our provider is inherited
 * by the shared object. If the application deletes its registration or the whole shared object, the
 * inherited accessor therefore is in effect again.
 */
export class GlobalApi {
  readonly #options: GlobalApiOptions;
  readonly #inspector = new CallerInspector();
  readonly #copies = new ApiCopies();
  /** Accepted as compatible by every copy. */
  readonly #facade: SharedApi;
  readonly #inheritedBy: object = getGlobalPrototype();
  readonly #prepared = new WeakSet<object>();
  /** Between a write of the shared object and the next read, `registerGlobal` is running. */
  #isRegistering = false;
  #isInstalled = false;

  /** Adopts the registrations of an SDK that was loaded before. Never throws. */
  constructor(options: GlobalApiOptions) {
    this.#options = options;
    this.#facade = { version: '1.999999.0', metrics: options.provider };
    runGuarded(PART, () => this.#install());
  }

  #install(): void {
    const adopted = Object.getOwnPropertyDescriptor(globalThis, API_KEY) && readSharedApi();
    Object.defineProperty(this.#inheritedBy, API_KEY, {
      configurable: true,
      enumerable: false,
      get: () => {
        if (this.#copies.reading) return this.#facade;
        const caller = this.#inspector.inspectCaller();
        return caller && this.#copies.find(caller.name, caller.file) && this.#facade;
      },
      set: (value: unknown) => this.#adopt(value),
    });
    this.#isInstalled = true;
    if (adopted !== undefined) this.#adopt(adopted);
    this.#isRegistering = false;
  }

  /** Removes our provider. The application's registrations remain. */
  uninstall(): void {
    if (!this.#isInstalled) return;
    this.#isInstalled = false;
    runGuarded(PART, () => {
      const shared = Object.hasOwn(globalThis, API_KEY) ? readSharedApi() : undefined;
      Reflect.deleteProperty(this.#inheritedBy, API_KEY);
      if (shared !== undefined) {
        const descriptor = { value: shared, writable: true, enumerable: true, configurable: true };
        Object.defineProperty(globalThis, API_KEY, descriptor);
      }
    });
  }

  /** Whether `provider` is the application's registered provider. */
  isRegistered(provider: MeterProvider): boolean {
    const shared = Object.hasOwn(globalThis, API_KEY) ? readSharedApi() : undefined;
    return this.#isInstalled && shared !== undefined && getOwnProvider(shared) === provider;
  }

  /** Called when the application creates the shared object, or replaces it. */
  #adopt(value: unknown): void {
    const isShared = typeof value === 'object' && value !== null;
    const minor = isShared ? parseMinorVersion((value as SharedApi).version) : undefined;
    const mayHaveNewerCopies = minor !== undefined && minor <= LAST_OLD_MINOR;
    let inspectionsLeft = MAX_INSPECTIONS_WITH_SDK;
    Object.defineProperty(globalThis, API_KEY, {
      configurable: true,
      enumerable: true,
      get: () => {
        this.#isRegistering = false;
        if (!mayHaveNewerCopies || !this.#isInstalled) return value;
        const { reading } = this.#copies;
        if (!reading && inspectionsLeft === 0) return value;
        if (!reading) inspectionsLeft -= 1;
        const copy = reading ?? this.#findCopy(this.#inspector.inspectCaller());
        if ((copy?.minor ?? 0) <= minor) return value;
        inspectionsLeft = MAX_INSPECTIONS_WITH_SDK;
        return this.#facade;
      },
      set: (newValue: unknown) => {
        if (newValue === value) this.#isRegistering = true;
        else this.#adopt(newValue);
      },
    });
    if (isShared) runGuarded(PART, () => this.#prepare(value));
    this.#isRegistering = true;
  }

  #findCopy(caller: { name: string; file: string } | undefined): ApiCopy | undefined {
    return caller && this.#copies.find(caller.name, caller.file);
  }

  /** Lets the shared object inherit our provider, and observes the registration of a provider. */
  #prepare(shared: SharedApi): void {
    if (this.#prepared.has(shared)) return;
    this.#prepared.add(shared);
    const registered = getOwnProvider(shared);
    const prototype = Object.create(Object.getPrototypeOf(shared) as object | null, {
      metrics: {
        configurable: true,
        enumerable: false,
        get: () => (this.#isRegistering || !this.#isInstalled ? undefined : this.#options.provider),
        set: (value: MeterProvider) => {
          const descriptor = { value, writable: true, enumerable: true, configurable: true };
          Object.defineProperty(shared, 'metrics', descriptor);
          this.#notify(value);
        },
      },
    }) as object;
    Object.setPrototypeOf(shared, prototype);
    if (registered !== undefined) this.#notify(registered);
  }

  #notify(provider: MeterProvider): void {
    if (this.#isInstalled) runGuarded(PART, () => this.#options.onRegister(provider));
  }
}

function readSharedApi(): SharedApi | undefined {
  return (globalThis as { [API_KEY]?: SharedApi })[API_KEY];
}

function getOwnProvider(shared: SharedApi): MeterProvider | undefined {
  return Object.getOwnPropertyDescriptor(shared, 'metrics')?.value as MeterProvider | undefined;
}

/** Returns the global object itself if its prototype is shared with other objects or frozen. */
function getGlobalPrototype(): object {
  const prototype = Object.getPrototypeOf(globalThis) as object | null;
  const isUsable =
    prototype !== null && prototype !== Object.prototype && Object.isExtensible(prototype);
  return isUsable ? prototype : globalThis;
}
