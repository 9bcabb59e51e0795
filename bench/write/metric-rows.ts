import type { PerformanceMetricRow } from '../../src/core/schema/tables/performance-metrics-table.ts';

/** Returns rows with 19 columns that are unique for each `run` and index. */
export function makeMetricRows(run: string, start: number, count: number): PerformanceMetricRow[] {
  const now = Date.now();
  return Array.from({ length: count }, (_, offset) => {
    const i = start + offset;
    return {
      id: `${run}-${i}`,
      timestamp: now + (i % 1000),
      metricType: 'API_RESPONSE_TIME',
      name: 'request',
      value: i % 977,
      unit: 'ms',
      service: 'bench',
      instance: 'bench-1',
      endpoint: `/rooms/:id/${i % 50}`,
      operation: 'GET',
      organizationId: `org-${i % 20}`,
      count: 1,
      errorCount: 0,
      abortedCount: 0,
      sum: i % 977,
      min: i % 977,
      max: i % 977,
      duration: i % 977,
      test: false,
    };
  });
}
