import type { ApiResponse } from '../../../client/api-types.ts';
import { toChartData } from '../../data/trend-data.ts';
import { Dot, type Kind } from '../../design/controls.tsx';
import { ChangeText, Figure, Sparkline } from '../../design/figure.tsx';
import { EmptyState } from '../../design/states.tsx';
import type { Column } from '../../design/table.tsx';
import { formatChange } from '../../format/quantities.ts';
import { type Comparison, formatComparison } from '../../url/time-range.ts';
import { linkTo } from '../../url/view-state.ts';
import { isInDanger, type Objective, type ObjectiveGroup } from '../objectives/objective-words.ts';

type RequestGroup = ApiResponse<'endpoints'>['endpoints'][number];

/** A service in a table. Services without requests, such as workers, have only a name. */
export interface ServiceRow {
  readonly service: string;
  readonly figures: RequestGroup | undefined;
  readonly rates: readonly (number | null | undefined)[];
  readonly firing: number;
  readonly isCritical: boolean;
  /** The smallest error budget of the service. Undefined if all its objectives wait for data. */
  readonly budget: ObjectiveGroup | undefined;
}

/** Combines the figures of services. The services with alerts are first, then those with the most requests. */
export function toServiceRows(
  groups: readonly RequestGroup[],
  trends: ApiResponse<'trends'> | undefined,
  alerts: ApiResponse<'alerts'>['alerts'] = [],
  hosts: ApiResponse<'health'>['hosts'] = [],
  objectives: readonly Objective[] = [],
): ServiceRow[] {
  const rates = new Map(
    trends
      ? toChartData(trends, ['rate'], ({ service }) => service ?? '').series.map(
          ({ label, values }) => [label, values],
        )
      : [],
  );
  const budgets = objectives
    .flatMap((objective) => objective.groups)
    .filter(({ budgetRemaining }) => budgetRemaining !== undefined)
    .sort((a, b) => a.budgetRemaining! - b.budgetRemaining!);
  const figures = new Map(groups.map((group) => [group.group.service ?? '(none)', group]));
  const names = new Set([...figures.keys(), ...hosts.map(({ service }) => service)]);
  names.delete('perfscope');
  return [...names]
    .map((service): ServiceRow => {
      const firing = alerts.filter(({ labels }) => labels.service === service);
      return {
        service,
        figures: figures.get(service),
        rates: rates.get(service) ?? [],
        firing: firing.length,
        isCritical: firing.some(({ severity }) => severity === 'critical' || severity === 'high'),
        budget: budgets.find(({ labels }) => labels.service === service),
      };
    })
    .sort((a, b) => severity(b) - severity(a) || (b.figures?.count ?? 0) - (a.figures?.count ?? 0));
}

function severity({ firing, isCritical }: ServiceRow): number {
  return isCritical ? 2 : Math.min(1, firing);
}

function toStatus({ firing, isCritical, figures }: ServiceRow): { kind: Kind; label: string } {
  if (firing > 0)
    return { kind: isCritical ? 'critical' : 'warning', label: `${firing} alerts are firing` };
  return figures
    ? { kind: 'ok', label: 'No alert is firing' }
    : { kind: 'none', label: 'No requests' };
}

/** Columns of a table of services. */
export function serviceColumns(compare: Comparison): Column<ServiceRow>[] {
  const href = (service: string, changes = {}) => linkTo('/service', { service, ...changes });
  return [
    {
      id: 'service',
      header: 'Service',
      isWide: true,
      sortBy: ({ service }) => service,
      cell: (row) => (
        <span class="cell">
          <Dot {...toStatus(row)} />
          <a class="name" href={href(row.service)}>
            {row.service}
          </a>
          {!row.figures && <span class="faint">no requests</span>}
        </span>
      ),
    },
    {
      id: 'course',
      header: 'Requests',
      align: 'right',
      isOptional: true,
      cell: ({ rates }) => <Sparkline values={rates} />,
    },
    {
      id: 'rate',
      header: 'Rate',
      align: 'right',
      sortBy: ({ figures }) => figures?.rate,
      cell: ({ service, figures }) => (
        <Figure value={figures?.rate} unit="/s" href={href(service)} />
      ),
    },
    {
      id: 'errorRate',
      header: 'Failed',
      align: 'right',
      sortBy: ({ figures }) => figures?.errorRate,
      cell: ({ service, figures }) => (
        <Figure
          value={figures && (figures.errorRate ?? 0)}
          unit="%"
          isBad={(figures?.errorRate ?? 0) >= 1}
          href={linkTo('/errors', { service })}
        />
      ),
    },
    {
      id: 'p95',
      header: 'p95',
      align: 'right',
      sortBy: ({ figures }) => figures?.p95,
      cell: ({ service, figures }) => (
        <Figure value={figures?.p95} unit="ms" href={href(service, { sort: '-p95' })} />
      ),
    },
    {
      id: 'change',
      header: formatComparison(compare),
      align: 'right',
      isOptional: true,
      sortBy: ({ figures }) => ratio(figures),
      cell: ({ figures }) => (
        <ChangeText change={formatChange(figures?.p95, figures?.previous?.p95)} higherIs="worse" />
      ),
    },
    {
      id: 'budget',
      header: 'Budget left',
      align: 'right',
      isOptional: true,
      sortBy: ({ budget }) => budget?.budgetRemaining,
      cell: ({ service, budget }) => (
        <Figure
          value={budget?.budgetRemaining}
          unit="%"
          isBad={budget !== undefined && isInDanger(budget)}
          href={linkTo('/objectives', { search: service })}
        />
      ),
    },
  ];
}

function ratio(figures: RequestGroup | undefined): number | undefined {
  const { p95, previous } = figures ?? {};
  return p95 !== undefined && previous?.p95 ? p95 / previous.p95 : undefined;
}

/** Says how to get the first service. */
export function NoServices() {
  return (
    <EmptyState title="No service has sent requests in this range">
      To measure a service, <a href={linkTo('/setup')}>follow the setup</a>. If a service was
      measured before, choose a longer range, or remove a filter.
    </EmptyState>
  );
}
