import { SAMPLE_NAME } from '../../src/exporter/sample-rows.ts';
import { MEASUREMENTS } from '../../src/windows/families.ts';
import { conditionsOf, TENANT_AND_SERVICE } from './select.ts';
import { FROM, quoted, TO } from './text.ts';

const MOST = 50;
/** A path of QuestDB's JSON functions cannot name a key that has points in it. */
const STATUS = `CASE WHEN tags LIKE '%"http.response.status_code":%'
  THEN regexp_replace(tags, '^.*"http.response.status_code":|[,}].*$', '') END`;

/** Single requests that were slow or failed. Histograms have counted them: they are part of no other figure. */
export function sampledRequests(): string {
  const conditions = [
    ...[`timestamp >= ${FROM}`, `timestamp < ${TO}`, `name = ${quoted(SAMPLE_NAME)}`],
    ...conditionsOf(MEASUREMENTS, [...TENANT_AND_SERVICE, 'endpoint']),
  ];
  return `SELECT timestamp AS "Time", coalesce(endpoint, '(no route)') AS "Endpoint", operation AS "Method", value AS "Duration",
  ${STATUS} AS "Status", json_extract(tags, '$.trace_id')::varchar AS "Trace", service AS "Service"
FROM ${MEASUREMENTS.table} WHERE ${conditions.join(' AND ')} ORDER BY "Duration" DESC LIMIT ${MOST}`;
}
