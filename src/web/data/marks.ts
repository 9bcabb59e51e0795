import { useMemo } from 'preact/hooks';
import { type ApiOptions, useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import type { ChartMark } from '../design/chart-options.ts';

const NO_MARKS: readonly ChartMark[] = [];

/** Returns alerts, restarts, and new versions in the range of the page, or only the marks of some services. */
export function useMarks(service?: readonly string[], options?: ApiOptions): readonly ChartMark[] {
  const query = { ...rangeQuery.value, ...(service && { service: [...service] }) };
  const { data } = useApi('marks', query, options);
  return useMemo(
    () =>
      data?.marks.map(({ at, kind, text }) => ({ atMs: Date.parse(at), kind, text })) ?? NO_MARKS,
    [data],
  );
}
