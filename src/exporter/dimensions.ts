import type { Attributes } from '@opentelemetry/api';
import {
  BREAKER_NAME,
  BREAKER_OUTCOME,
  BREAKER_STATE,
  DROP_REASON,
  ORGANIZATION,
  PROPERTY,
} from '../schema/attributes.ts';
import { MOST_NAME_LENGTH, MOST_TEXT_LENGTH } from '../schema/limits.ts';

/** A point's attributes, sorted into the columns of a row. */
export interface Dimensions {
  endpoint: string | undefined;
  operation: string | undefined;
  organizationId: string | undefined;
  propertyId: string | undefined;
  /** All other attributes as JSON; undefined when there are none. */
  tags: string | undefined;
}

const COLUMNS = new Map<string, Exclude<keyof Dimensions, 'tags'>>([
  ['http.route', 'endpoint'],
  ['http.request.method', 'operation'],
  ['db.operation.name', 'operation'],
  ['db.query.text', 'endpoint'],
  ['db.client.connection.pool.name', 'endpoint'],
  ['db.client.connection.state', 'operation'],
  ['messaging.destination.name', 'endpoint'],
  ['perfscope.job.name', 'operation'],
  ['perfscope.job.state', 'operation'],
  [BREAKER_NAME, 'endpoint'],
  [BREAKER_OUTCOME, 'operation'],
  [BREAKER_STATE, 'operation'],
  [DROP_REASON, 'operation'],
  [ORGANIZATION, 'organizationId'],
  [PROPERTY, 'propertyId'],
]);

/** Overlong names are cut; tags that are too large as a whole are left out, and say so. */
export function dimensionsOf(attributes: Attributes): Dimensions {
  const dimensions: Dimensions = {
    endpoint: undefined,
    operation: undefined,
    organizationId: undefined,
    propertyId: undefined,
    tags: undefined,
  };
  const rest: Attributes = {};
  for (const [key, value] of Object.entries(attributes)) {
    const column = COLUMNS.get(key);
    if (column && value !== undefined) {
      dimensions[column] = String(value).slice(0, MOST_NAME_LENGTH);
    } else rest[key] = value;
  }
  if (Object.keys(rest).length > 0) {
    const tags = JSON.stringify(rest);
    dimensions.tags = tags.length <= MOST_TEXT_LENGTH ? tags : '{"perfscope.tags.dropped":true}';
  }
  return dimensions;
}
