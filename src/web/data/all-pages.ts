import type { ApiResponse, PagedEndpointName, Query } from '../../client/api-types.ts';
import { type ApiState, useRequest } from '../api/queries.ts';
import { client } from '../api/session.ts';

/** The property of an answer that contains its rows. */
type RowsOf<N extends PagedEndpointName> = N extends 'endpoints'
  ? ApiResponse<'endpoints'>['endpoints'][number]
  : N extends 'database'
    ? ApiResponse<'database'>['statements'][number]
    : N extends 'outgoing'
      ? ApiResponse<'outgoing'>['hosts'][number]
      : never;

const ROW_PROPERTIES = {
  endpoints: 'endpoints',
  database: 'statements',
  outgoing: 'hosts',
} as const;
const PAGE_SIZE = 10_000;
/** More rows than this are of no use in a table. */
const MAX_ROWS = 20_000;

/** Loads all pages of an endpoint, up to 20,000 rows. */
export function useAllPages<N extends keyof typeof ROW_PROPERTIES>(
  name: N,
  query: Query<N>,
): ApiState<RowsOf<N>[]> {
  const parameters = { ...(query as object), limit: PAGE_SIZE };
  return useRequest(
    [name, parameters, 'all pages'],
    async (signal) => {
      const rows: RowsOf<N>[] = [];
      for await (const page of client.value.pages(name, parameters as Query<N>, { signal })) {
        rows.push(
          ...((page as unknown as Record<string, RowsOf<N>[]>)[ROW_PROPERTIES[name]] ?? []),
        );
        if (rows.length >= MAX_ROWS) break;
      }
      return rows;
    },
    { isLive: !('to' in parameters) },
  );
}
