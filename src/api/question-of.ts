import { narrow, type Scope } from '../schema/scope.ts';
import type { Dimension, Filter } from '../windows/dimensions.ts';
import type { Question } from '../windows/question.ts';
import type { Range } from '../windows/range.ts';
import type { Context } from './endpoint.ts';
import type { RangeQuery } from './time-range.ts';
import { rangeOf, zoneOf } from './time-range.ts';

type Names = readonly string[] | undefined;

/** What requests have in common; endpoints take as much of it as they declare. */
export interface CommonQuery extends RangeQuery {
  readonly service?: Names;
  readonly version?: Names;
  readonly environment?: Names;
  readonly instance?: Names;
  readonly endpoint?: Names;
  readonly operation?: Names;
  readonly queue?: Names;
  readonly organizationId?: Names;
  readonly propertyId?: Names;
  readonly includeTest?: boolean;
}

/** A question, and the zone whose clock its days and steps follow. */
export interface Asked {
  readonly question: Question;
  readonly zone: string;
}

/** The question of a request, within the caller's scope. @throws PS_REQUEST_INVALID */
export function askedBy({ query, scope, parts, nowMs }: Context<CommonQuery>): Asked {
  const zone = zoneOf(query, parts.zone);
  return { zone, question: questionOf(query, scope, rangeOf(query, zone, nowMs)) };
}

/** Filters, and rows of the named tenants only. */
export function questionOf(query: CommonQuery, scope: Scope, range: Range): Question {
  const { service, version, environment, instance, endpoint, operation, queue } = query;
  const named = { service, version, environment, instance, endpoint, operation, queue };
  const given = Object.entries(named).filter(([, values]) => values !== undefined);
  const filter = Object.fromEntries(given) as Filter satisfies Partial<Record<Dimension, unknown>>;
  return { scope: narrow(scope, query), range, filter, includeTest: query.includeTest };
}
