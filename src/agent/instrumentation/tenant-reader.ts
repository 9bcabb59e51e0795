import type { IncomingMessage } from 'node:http';
import { enableTenantContext, type Tenant } from './tenant-context.ts';

/** Longest name of a tenant or user that is taken from outside. */
const MAX_TENANT_LENGTH = 128;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Names of the headers that are believed; none until the configuration names it. */
export interface TenantHeaders {
  PERFORMANCE_ORGANIZATION_HEADER?: string | undefined;
  PERFORMANCE_PROPERTY_HEADER?: string | undefined;
  PERFORMANCE_USER_HEADER?: string | undefined;
}

/** Tells whom a request is for; undefined when it can't. */
export type TenantResolver = (request: IncomingMessage) => Tenant | undefined;

/** Reads the tenant of requests, and refuses what is no name. */
export class TenantReader {
  readonly #headers: [keyof Tenant, string][];
  readonly #onRejected: (field: string, reason: string) => void;
  /** The application's own way; it comes before the headers. */
  resolver: TenantResolver | undefined;

  constructor(headers: TenantHeaders, onRefused: (field: string, reason: string) => void) {
    const named: [keyof Tenant, string | undefined][] = [
      ['organizationId', headers.PERFORMANCE_ORGANIZATION_HEADER],
      ['propertyId', headers.PERFORMANCE_PROPERTY_HEADER],
      ['userId', headers.PERFORMANCE_USER_HEADER],
    ];
    this.#headers = named.flatMap(([field, name]) => (name ? [[field, name.toLowerCase()]] : []));
    this.#onRejected = onRefused;
    if (this.#headers.length > 0) enableTenantContext();
  }

  readTenant(request: IncomingMessage): Tenant | undefined {
    if (this.resolver) {
      const tenant = this.resolver(request);
      if (tenant) return this.sanitize(tenant);
    }
    let tenant: Tenant | undefined;
    for (const [field, name] of this.#headers) {
      const value = this.#sanitizeField(field, request.headers[name]);
      if (value === undefined) continue;
      tenant ??= {};
      tenant[field] = value;
    }
    return tenant;
  }

  /** The tenant with what can be stored of it. */
  sanitize(tenant: Tenant): Tenant {
    return {
      organizationId: this.#sanitizeField('organizationId', tenant.organizationId),
      propertyId: this.#sanitizeField('propertyId', tenant.propertyId),
      userId: this.#sanitizeField('userId', tenant.userId),
    };
  }

  #sanitizeField(field: string, value: unknown): string | undefined {
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string') return this.#reject(field, 'is not a text');
    if (value.length > MAX_TENANT_LENGTH) {
      return this.#reject(field, `is longer than ${MAX_TENANT_LENGTH} characters`);
    }
    if (CONTROL_CHARACTERS.test(value)) return this.#reject(field, 'has control characters');
    return value;
  }

  #reject(field: string, reason: string): undefined {
    this.#onRejected(field, reason);
    return undefined;
  }
}
