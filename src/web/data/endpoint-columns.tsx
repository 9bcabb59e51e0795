import type { ApiResponse } from '../../client/api-types.ts';
import { ChangeText, Figure } from '../design/figure.tsx';
import type { Column } from '../design/table.tsx';
import { formatChange } from '../format/quantities.ts';
import { type Comparison, formatComparison } from '../url/time-range.ts';
import { linkTo } from '../url/view-state.ts';
import { formatEndpoint } from './names.ts';
import { PartsBar } from './parts.tsx';

export type EndpointRow = ApiResponse<'endpoints'>['endpoints'][number];

/** Returns the link to an endpoint's view. */
export function endpointLink(
  { service, operation, endpoint }: EndpointRow['group'],
  changes = {},
): string {
  return linkTo('/endpoint', {
    service,
    operation,
    endpoint: endpoint ?? '(no route)',
    ...changes,
  });
}

/** Columns of a table of endpoints. */
export function endpointColumns(compare: Comparison, hasService: boolean): Column<EndpointRow>[] {
  return [
    {
      id: 'endpoint',
      header: 'Endpoint',
      isWide: true,
      sortBy: ({ group }) => formatEndpoint(group),
      cell: ({ group }) => (
        <span class="cell">
          <a class="mono name" href={endpointLink(group)} title={formatEndpoint(group)}>
            {formatEndpoint(group)}
          </a>
          {hasService && group.service && <span class="faint truncate">{group.service}</span>}
        </span>
      ),
    },
    {
      id: 'rate',
      header: 'Rate',
      align: 'right',
      sortBy: ({ rate }) => rate,
      cell: ({ group, rate }) => <Figure value={rate} unit="/s" href={endpointLink(group)} />,
    },
    {
      id: 'errorRate',
      header: 'Failed',
      align: 'right',
      sortBy: ({ errorRate }) => errorRate ?? 0,
      cell: ({ group, errorRate = 0 }) => (
        <Figure
          value={errorRate}
          unit="%"
          isBad={errorRate >= 1}
          href={endpointLink(group, { samples: 'failed' })}
        />
      ),
    },
    {
      id: 'p50',
      header: 'p50',
      align: 'right',
      isOptional: true,
      sortBy: ({ p50 }) => p50,
      cell: ({ p50 }) => <Figure value={p50} unit="ms" />,
    },
    {
      id: 'p95',
      header: 'p95',
      align: 'right',
      sortBy: ({ p95 }) => p95,
      cell: ({ group, p95 }) => <Figure value={p95} unit="ms" href={endpointLink(group)} />,
    },
    {
      id: 'change',
      header: formatComparison(compare),
      align: 'right',
      isOptional: true,
      sortBy: ({ p95, previous }) =>
        p95 !== undefined && previous?.p95 ? p95 / previous.p95 : undefined,
      cell: ({ p95, previous }) => (
        <ChangeText change={formatChange(p95, previous?.p95)} higherIs="worse" />
      ),
    },
    {
      id: 'time',
      header: 'Total time',
      align: 'right',
      isOptional: true,
      sortBy: ({ count, average = 0 }) => count * average,
      cell: ({ count, average = 0 }) => <Figure value={count * average} unit="ms" />,
    },
    {
      id: 'parts',
      header: 'Where the time goes',
      align: 'left',
      isOptional: true,
      cell: (row) => <PartsBar figures={row} />,
    },
  ];
}
