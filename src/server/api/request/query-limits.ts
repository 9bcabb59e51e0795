import type { Request, Response } from 'express';
import type { QueryCaller } from '../../../storage/questdb/query-caller.ts';
import { isSharedSubject, type Principal } from '../../access/principal.ts';
import { getCallerId } from '../middleware/rate-limit-middleware.ts';

/** Maximum number of concurrent queries. One caller or organization can't use all connections. */
const MAX_QUERIES = 4;

/** Returns the limits for the queries of one request. Its queries are canceled if the client disconnects. */
export function createQueryCaller(
  request: Request,
  response: Response,
  principal: Principal,
): QueryCaller {
  const { subject, organizationId } = principal;
  const disconnected = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) disconnected.abort();
  });
  const caller = {
    id: `caller ${getCallerId(request, principal)}`,
    per: isSharedSubject(subject) ? 'address' : 'key',
    limit: MAX_QUERIES,
  };
  const organization = {
    id: `organization ${organizationId}`,
    per: 'organization',
    limit: MAX_QUERIES,
  };
  return {
    groups: organizationId === undefined ? [caller] : [caller, organization],
    connection: request.socket,
    signal: disconnected.signal,
  };
}
