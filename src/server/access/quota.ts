import { createError } from '../../core/perfscope-error.ts';

/** Limits for one kind of object, so that one key or organization can't use up all of them. */
export interface Quota {
  /** Plural name, such as `active silences`. */
  readonly what: string;
  readonly perKey: number;
  readonly perOrganization: number;
  readonly perServer: number;
}

/** An object that counts toward a quota. */
export interface OwnedObject {
  /** Subject of the principal that created the object. Undefined if the limit per key is not checked. */
  readonly author: string | undefined;
  /** Undefined for objects of the whole installation. */
  readonly organization?: string | undefined;
  /** How much of the quota the object uses. Default: 1. */
  readonly size?: number | undefined;
}

/**
 * Checks that one more object is within a quota.
 *
 * @param existing the objects that already exist
 * @param action what to do if the limit is reached, such as `End silences`
 * @throws PS_QUOTA_REACHED
 */
export function assertWithinQuota(
  quota: Quota,
  existing: Iterable<OwnedObject>,
  added: OwnedObject,
  action: string,
): void {
  const { author, organization, size: addedSize = 1 } = added;
  let perServer = addedSize;
  let perKey = addedSize;
  let perOrganization = addedSize;
  for (const object of existing) {
    const { size = 1 } = object;
    perServer += size;
    if (object.author === author) perKey += size;
    if (object.organization === organization) perOrganization += size;
  }
  const fail = (limit: number, per: string) => {
    throw createError('PS_QUOTA_REACHED', { limit, what: quota.what, per, action });
  };
  if (author !== undefined && perKey > quota.perKey) fail(quota.perKey, 'key');
  if (organization !== undefined && perOrganization > quota.perOrganization) {
    fail(quota.perOrganization, 'organization');
  }
  if (perServer > quota.perServer) fail(quota.perServer, 'server');
}
