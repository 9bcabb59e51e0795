import type { RequestHandler, Response } from 'express';
import { createError } from '../../../core/errors.ts';
import type { Principal } from '../../access/principal.ts';
import { type Permission as Act, hasPermission, PERMISSION_LABELS } from '../../access/roles.ts';

/** What a caller must be allowed to. `public` needs nobody to be known. */
export type EndpointPermission = 'public' | Act;

/** What `authenticate` has found out about a request. */
interface Caller {
  readonly principal: Principal;
  /** Whether the same credential still opens the server. */
  readonly stillAllowed: () => Promise<boolean>;
}

export function setPrincipal(response: Response, known: Caller): void {
  response.locals.known = known;
}

/** Who asks. @throws PS_UNAUTHENTICATED where no `authenticate` stands before the route */
export function getPrincipal(response: Response): Caller {
  const known = response.locals.known as Caller | undefined;
  if (!known) throw createError('PS_UNAUTHENTICATED', { reason: 'the route does not ask' });
  return known;
}

/** Lets through whose role has `permission`; everybody else gets a 403 (PS_FORBIDDEN). */
export function requirePermission(permission: Act): RequestHandler {
  return (_request, response, next) => {
    const { role } = getPrincipal(response).principal;
    next(
      hasPermission(role, permission)
        ? undefined
        : createError('PS_FORBIDDEN', { role, act: PERMISSION_LABELS[permission] }),
    );
  };
}
