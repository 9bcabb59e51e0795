import { REQUEST_SAMPLE_METRIC_NAME } from '../../src/agent/export/metric-exporter.ts';
import { METRICS_TABLE } from '../../src/storage/queries/query-tables.ts';
import { TENANT_AND_SERVICE, toConditions } from './select-metrics.ts';
import { FROM, quote, TO } from './sql-text.ts';

const MAX_SAMPLES = 50;
/** Extracts the status code with a regex: paths in QuestDB's JSON functions can't contain keys with dots. */
const STATUS = `CASE WHEN tags LIKE '%"http.response.status_code":%'
  THEN regexp_replace(tags, '^.*"http.response.status_code":|[,}].*$', '') END`;

/** Selects samples of slow and failed requests. No other query reads them, because histograms already count these requests. */
export function selectSampledRequests(): string {
  const conditions = [
    ...[`timestamp >= ${FROM}`, `timestamp < ${TO}`, `name = ${quote(REQUEST_SAMPLE_METRIC_NAME)}`],
    ...toConditions(METRICS_TABLE, [...TENANT_AND_SERVICE, 'endpoint']),
  ];
  return `SELECT timestamp AS "Time", coalesce(endpoint, '(no route)') AS "Endpoint", operation AS "Method", value AS "Duration",
  ${STATUS} AS "Status", json_extract(tags, '$.trace_id')::varchar AS "Trace", service AS "Service"
FROM ${METRICS_TABLE.table} WHERE ${conditions.join(' AND ')} ORDER BY "Duration" DESC LIMIT ${MAX_SAMPLES}`;
}
