import { COVERAGE_METRIC } from '../../core/coverage-metric.ts';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import { MAX_NAME_LENGTH, type ServiceResource } from '../../core/schema/table-definition.ts';
import type { PerformanceMetricRow } from '../../core/schema/tables/performance-metrics-table.ts';
import type { LibraryCoverage } from './library-coverage.ts';

/** Returns one row for each library: 1 if it is measured, 0 if not. See {@link COVERAGE_METRIC}. */
export function toCoverageRows(
  coverage: readonly LibraryCoverage[],
  resource: ServiceResource,
  nextId: () => string,
  nowMs: number,
): PerformanceMetricRow[] {
  return coverage.map(({ name, version, measured, reason }) => ({
    ...resource,
    id: nextId(),
    timestamp: nowMs,
    metricType: PerformanceMetricType.CUSTOM,
    name: COVERAGE_METRIC,
    unit: '1',
    endpoint: name,
    operation: version.slice(0, MAX_NAME_LENGTH),
    tags: reason && JSON.stringify({ reason: reason.slice(0, MAX_NAME_LENGTH) }),
    value: measured ? 1 : 0,
    sum: measured ? 1 : 0,
    test: false,
  }));
}
