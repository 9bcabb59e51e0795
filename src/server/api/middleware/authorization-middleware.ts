import type { RequestHandler, Response } from 'express';
import { createError, type PerfscopeError } from '../../../core/perfscope-error.ts';
import {
  formatRolesWith,
  hasPermission,
  isKeyRequired,
  PERMISSION_LABELS,
  type Permission,
} from '../../access/permissions.ts';
import type { Principal } from '../../access/principal.ts';

/** Permission that an endpoint requires. `public` endpoints need no credentials. */
export type EndpointPermission = 'public' | Permission;

/** Authenticated sender of a request. */
interface Caller {
  readonly principal: Principal;
  /** Checks the same credential again. */
  readonly isStillAllowed: () => Promise<boolean>;
}

export function setCaller(response: Response, caller: Caller): void {
  response.locals.caller = caller;
}

/**
 * Returns the caller that `authenticate` stored.
 *
 * @throws PS_UNAUTHENTICATED if the route doesn't use `authenticate`
 */
export function getCaller(response: Response): Caller {
  const caller = response.locals.caller as Caller | undefined;
  if (!caller) {
    throw createError('PS_UNAUTHENTICATED', { reason: 'the route does not authenticate requests' });
  }
  return caller;
}

/** Allows callers whose role has `permission`. Others get a 403 response (PS_FORBIDDEN). */
export function requirePermission(permission: Permission): RequestHandler {
  return (_request, response, next) => next(findDenial(getCaller(response).principal, permission));
}

/**
 * Like `requirePermission`, for requests that change data. If a change with this permission needs a
 * key, callers without credentials get a 403 response (PS_KEY_REQUIRED).
 */
export function requireWritePermission(permission: Permission): RequestHandler {
  return (_request, response, next) => {
    const { principal } = getCaller(response);
    const isDenied = principal.isKeyless && isKeyRequired(permission);
    next(
      isDenied
        ? createError('PS_KEY_REQUIRED', { action: PERMISSION_LABELS[permission] })
        : findDenial(principal, permission),
    );
  };
}

function findDenial({ role }: Principal, permission: Permission): PerfscopeError | undefined {
  if (hasPermission(role, permission)) return undefined;
  return createError('PS_FORBIDDEN', {
    role,
    action: PERMISSION_LABELS[permission],
    allowedRoles: formatRolesWith(permission),
  });
}
