import type { WriteTarget } from '../../src/core/config/questdb-targets.ts';
import { makeHistogram } from './alert-fixtures.ts';
import { insertRows } from './insert-rows.ts';

/** The rows cover this time, in s, before and after now. No test with them takes longer, even on a busy machine. */
const PERIOD_S = { before: 60, after: 1800 };

/**
 * Inserts a row of 10 failed requests for each second, including future seconds. The window of a rule contains the
 * rows of its time, so the requests never pause, even if the test is slow.
 */
export function insertFailingRequests(
  questdb: { readonly target: WriteTarget },
  service: string,
): Promise<void> {
  return insertRequests(questdb, service, { count: 10, errors: 10 });
}

/** Inserts so many successful requests for each second that less than 1 % of all requests fail. */
export function insertSuccessfulRequests(
  questdb: { readonly target: WriteTarget },
  service: string,
): Promise<void> {
  return insertRequests(questdb, service, { count: 10_000, errors: 0 });
}

async function insertRequests(
  questdb: { readonly target: WriteTarget },
  service: string,
  requests: { count: number; errors: number },
): Promise<void> {
  const startMs = Date.now() - PERIOD_S.before * 1000;
  const series = {
    metricType: 'API_RESPONSE_TIME',
    service,
    endpoint: '/book',
    operation: 'GET',
  } as const;
  const rows = Array.from({ length: PERIOD_S.before + PERIOD_S.after }, (_, second) => {
    const timestamp = startMs + second * 1000;
    return makeHistogram({ timestamp, ...series }, { ...requests, ms: 5 }).row;
  });
  await insertRows(questdb, 'performance_metrics', rows);
}
