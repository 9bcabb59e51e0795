import { guard } from '../../../core/guard.ts';
import type { Tenant } from './tenant-context.ts';

/** Maximum length of a tenant or user ID. */
const MAX_TENANT_LENGTH = 128;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern detects control characters.
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Names of trusted headers. A header that is not configured is ignored. */
export interface TenantHeaders {
  PERFORMANCE_ORGANIZATION_HEADER?: string | undefined;
  PERFORMANCE_PROPERTY_HEADER?: string | undefined;
  PERFORMANCE_USER_HEADER?: string | undefined;
}

/**
 * The declared part of a request. At runtime, it is the `IncomingMessage` of `node:http`. For HTTP/2, it has
 * only these properties.
 */
export interface TenantRequest {
  /** HTTP method, such as `GET`. */
  readonly method?: string | undefined;
  /** Path and query, such as `/rooms/7?lang=en`. */
  readonly url?: string | undefined;
  /** Headers, by lowercase name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/**
 * Returns the tenant of a request, or `undefined` to use the configured headers. The type comes from a
 * method, so that a function whose parameter is an `IncomingMessage` or an Express request fits too.
 */
export type TenantResolver = {
  /**
   * @param request the HTTP request
   * @returns the tenant, or `undefined` to use the configured headers
   */
  resolve(request: TenantRequest): Tenant | undefined;
}['resolve'];

/** Reads the tenant of a request, and rejects invalid values. */
export class TenantReader {
  readonly #headers: [keyof Tenant, string][];
  readonly #onRejected: (field: string, reason: string) => void;
  #resolver: TenantResolver | undefined;

  constructor(headers: TenantHeaders, onRejected: (field: string, reason: string) => void) {
    const configured: [keyof Tenant, string | undefined][] = [
      ['organizationId', headers.PERFORMANCE_ORGANIZATION_HEADER],
      ['propertyId', headers.PERFORMANCE_PROPERTY_HEADER],
      ['userId', headers.PERFORMANCE_USER_HEADER],
    ];
    this.#headers = configured.flatMap(([field, name]) =>
      name ? [[field, name.toLowerCase()]] : [],
    );
    this.#onRejected = onRejected;
  }

  /** Sets the application's function. It takes precedence over the headers. */
  set resolver(resolver: TenantResolver | undefined) {
    this.#resolver = resolver;
  }

  /** Never throws. If the resolver throws, the request has no tenant. */
  readonly readTenant: (request: TenantRequest) => Tenant | undefined = guard(
    "the application's tenant resolver",
    (request) => this.#readTenant(request),
  );

  #readTenant(request: TenantRequest): Tenant | undefined {
    const resolved = this.#resolver?.(request);
    if (resolved) return this.sanitize(resolved);
    let tenant: Tenant | undefined;
    for (const [field, name] of this.#headers) {
      const value = this.#sanitizeField(field, request.headers[name]);
      if (value === undefined) continue;
      tenant ??= {};
      tenant[field] = value;
    }
    return tenant;
  }

  /** Returns the tenant without its invalid fields. Never throws. */
  sanitize(tenant: unknown): Tenant {
    try {
      if (tenant instanceof Promise) {
        tenant.catch(() => {});
        this.#reject('tenant', 'is a promise');
        return {};
      }
      if (typeof tenant !== 'object' || tenant === null) {
        this.#reject('tenant', 'is not an object');
        return {};
      }
      const { organizationId, propertyId, userId } = tenant as Record<string, unknown>;
      return {
        organizationId: this.#sanitizeField('organizationId', organizationId),
        propertyId: this.#sanitizeField('propertyId', propertyId),
        userId: this.#sanitizeField('userId', userId),
      };
    } catch {
      this.#reject('tenant', "can't be read");
      return {};
    }
  }

  #sanitizeField(field: string, value: unknown): string | undefined {
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string') return this.#reject(field, 'is not a string');
    if (value.length > MAX_TENANT_LENGTH) {
      return this.#reject(field, `is longer than ${MAX_TENANT_LENGTH} characters`);
    }
    if (CONTROL_CHARACTERS.test(value)) return this.#reject(field, 'contains control characters');
    return value;
  }

  #reject(field: string, reason: string): undefined {
    this.#onRejected(field, reason);
    return undefined;
  }
}
