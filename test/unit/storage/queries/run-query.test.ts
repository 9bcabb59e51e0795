import { expect, it } from 'vitest';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { METRICS_TABLE } from '../../../../src/storage/queries/aggregation-tables.ts';
import { toFilterConditions } from '../../../../src/storage/queries/run-query.ts';
import { joinSql, renderSql } from '../../../../src/storage/sql/sql-builder.ts';

it.each([
  [['/rooms'], 'endpoint = $1', 'timestamp < 0::timestamp'],
  [['(none)'], 'endpoint IS NULL', ''],
  [['(no route)'], 'endpoint IS NULL', ''],
  [['/rooms', '(none)'], '(endpoint IS NULL OR endpoint = $1)', ''],
])('converts the filter %j to %s', (endpoint, expected, withoutColumn) => {
  const query = { scope: UNRESTRICTED_SCOPE, range: { fromMs: 0, toMs: 1 }, filter: { endpoint } };
  const render = (isMissing: boolean) =>
    renderSql(
      joinSql(
        toFilterConditions(METRICS_TABLE, query, () => isMissing),
        ' AND ',
      ),
      UNRESTRICTED_SCOPE,
    )?.text.replaceAll('"', '');
  expect(render(false)).toBe(expected);
  // All rows of a roll-up without the column have no value.
  expect(render(true)).toBe(withoutColumn);
});
