import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { GroupTable } from '../../data/group-table.tsx';
import { RequestCharts } from '../../data/request-charts.tsx';
import { RequestSamples } from '../../data/request-samples.tsx';
import { Stat } from '../../design/figure.tsx';
import { formatChange, formatPoints } from '../../format/quantities.ts';
import { useHeading } from '../../shell/use-heading.ts';
import { formatComparison } from '../../url/time-range.ts';
import { comparison, globalFilters, linkTo, linkWith } from '../../url/view-state.ts';
import { TenantEndpoints } from './tenant-endpoints.tsx';
import { TenantQueues } from './tenant-queues.tsx';

export interface TenantDetailsProps {
  readonly tenant: string;
  /** Whether it is the only organization that the caller sees. */
  readonly isOwn: boolean;
}

/** What one organization uses, and what is slow or fails for it. */
export function TenantDetails({ tenant, isOwn }: TenantDetailsProps) {
  useHeading({
    title: isOwn ? 'Properties' : tenant,
    ...(!isOwn && { crumbs: [{ label: 'Tenants', href: linkTo('/tenants') }] }),
  });
  const filter = { organizationId: [tenant] };
  const isFiltered = globalFilters.value.organizationId?.includes(tenant) ?? false;
  return (
    <>
      <TenantFigures tenant={tenant} />
      {!isOwn && (
        <p class="muted">
          {isFiltered ? (
            <>
              All views show only this tenant.{' '}
              <a href={linkWith({ organizationId: undefined, propertyId: undefined })}>
                Remove the filter
              </a>
            </>
          ) : (
            <>
              This view shows only this tenant.{' '}
              <a href={linkWith({ organizationId: tenant, propertyId: undefined })}>
                Limit all views to it
              </a>
            </>
          )}
        </p>
      )}
      {isOwn && <GroupTable title="Properties" dimension="propertyId" filter={filter} span={12} />}
      <RequestCharts filter={filter} />
      {!isOwn && <GroupTable title="Properties" dimension="propertyId" filter={filter} span={6} />}
      <TenantQueues tenant={tenant} span={isOwn ? 12 : 6} />
      <TenantEndpoints tenant={tenant} />
      <RequestSamples filter={filter} />
    </>
  );
}

function TenantFigures({ tenant }: { tenant: string }) {
  const compare = comparison.value ?? 'previous';
  const note = formatComparison(compare);
  const query = { ...rangeQuery.value, compare, limit: 1 };
  const { data } = useApi('endpoints', {
    ...query,
    organizationId: [tenant],
    groupBy: ['organizationId'],
  });
  const figures = data?.endpoints[0];
  const previous = figures?.previous;
  const changeNote = previous && note;
  return (
    <div class="stats">
      <Stat
        label="Requests"
        value={figures?.rate}
        unit="/s"
        change={formatChange(figures?.rate, previous?.rate)}
        changeNote={changeNote}
      />
      <Stat
        label="Failed"
        value={figures && (figures.errorRate ?? 0)}
        unit="%"
        href={linkWith({ samples: 'failed' })}
        isBad={(figures?.errorRate ?? 0) >= 1}
        higherIs="worse"
        change={previous && formatPoints(figures?.errorRate ?? 0, previous.errorRate ?? 0)}
        changeNote={changeNote}
      />
      <Stat
        label="p50"
        value={figures?.p50}
        unit="ms"
        higherIs="worse"
        change={formatChange(figures?.p50, previous?.p50)}
        changeNote={changeNote}
      />
      <Stat
        label="p95"
        value={figures?.p95}
        unit="ms"
        href={linkWith({ samples: 'slow' })}
        higherIs="worse"
        change={formatChange(figures?.p95, previous?.p95)}
        changeNote={changeNote}
      />
    </div>
  );
}
