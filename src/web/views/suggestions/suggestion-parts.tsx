import type { ApiResponse } from '../../../client/api-types.ts';
import { linkTo } from '../../url/view-state.ts';

export type Suggestion = ApiResponse<'suggestions'>['suggestions'][number];
export type Dismissal = ApiResponse<'suggestions'>['dismissals'][number];

/** Names of the kinds, for badges and filters. */
export const KIND_LABELS: Readonly<Record<Suggestion['kind'], string>> = {
  'n-plus-one': 'N+1 statements',
  'slow-statement': 'Slow statement',
  'slow-table': 'Slow table',
  'missing-limit': 'Missing LIMIT',
  'pool-too-small': 'Small pool',
  'connection-leak': 'Connection leak',
  'chatty-transaction': 'Chatty transaction',
  'too-few-workers': 'Too few workers',
  'too-many-workers': 'Too many workers',
  'fails-first': 'Fails first',
  'no-backoff': 'No backoff',
  'cacheable-results': 'Worth caching',
  'event-loop-block': 'Event-loop block',
  'gc-pressure': 'GC pressure',
  'slow-tenant': 'Slow for one tenant',
};

/** Returns the link to a view from a path of the API, such as `/endpoint?service=booking`. Keeps the range. */
export function toViewLink(path: string): string {
  const [view = '/', query = ''] = path.split('?', 2);
  return linkTo(view, Object.fromEntries(new URLSearchParams(query)));
}
