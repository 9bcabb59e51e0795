import type { RequestHandler, Response } from 'express';
import type { Principal } from '../access/principal.ts';
import { ACTS, type Permission as Act, may } from '../access/roles.ts';
import { coded } from '../errors.ts';

/** What a caller must be allowed to. `public` needs nobody to be known. */
export type Permission = 'public' | Act;

/** What `authenticate` has found out about a request. */
interface Known {
  readonly principal: Principal;
  /** Whether the same credential still opens the server. */
  readonly stillAllowed: () => Promise<boolean>;
}

export function know(response: Response, known: Known): void {
  response.locals.known = known;
}

/** Who asks. @throws PS_UNAUTHENTICATED where no `authenticate` stands before the route */
export function callerOf(response: Response): Known {
  const known = response.locals.known as Known | undefined;
  if (!known) throw coded('PS_UNAUTHENTICATED', { reason: 'the route does not ask' });
  return known;
}

/** Lets through whose role has `permission`; everybody else gets a 403 (PS_FORBIDDEN). */
export function guard(permission: Act): RequestHandler {
  return (_request, response, next) => {
    const { role } = callerOf(response).principal;
    next(
      may(role, permission) ? undefined : coded('PS_FORBIDDEN', { role, act: ACTS[permission] }),
    );
  };
}
