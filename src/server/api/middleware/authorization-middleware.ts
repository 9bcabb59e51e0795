import type { RequestHandler, Response } from 'express';
import { createError } from '../../../core/perfscope-error.ts';
import { hasPermission, PERMISSION_LABELS, type Permission } from '../../access/permissions.ts';
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
  return (_request, response, next) => {
    const { role } = getCaller(response).principal;
    next(
      hasPermission(role, permission)
        ? undefined
        : createError('PS_FORBIDDEN', { role, action: PERMISSION_LABELS[permission] }),
    );
  };
}
