import type { HostFilter } from '../../api/range-query.ts';
import { FilterMenu } from '../../data/filter-menu.tsx';
import { useHeading } from '../../shell/use-heading.ts';
import { getParameters, globalFilters, linkTo } from '../../url/view-state.ts';
import { CoverageTable } from './coverage-table.tsx';
import { HostCharts } from './host-charts.tsx';
import { ProcessTable } from './process-table.tsx';

/** Are processes and their hosts overloaded, and are all their libraries measured? */
export default function Hosts() {
  const service = getParameters('service');
  const instance = getParameters('instance');
  const filter: HostFilter = {
    ...(service.length > 0 && { service }),
    ...(instance.length > 0 && { instance }),
  };
  const isFiltered = service.length + instance.length > 0;
  useHeading({
    title: instance[0] ?? service[0] ?? 'Hosts and runtime',
    crumbs: isFiltered ? [{ label: 'Hosts and runtime', href: linkTo('/hosts') }] : [],
  });
  const { organizationId, propertyId } = globalFilters.value;
  return (
    <>
      <div class="buttons">
        <FilterMenu dimension="service" label="Service" clears={['instance']} />
        <FilterMenu dimension="instance" label="Instance" />
      </div>
      {(organizationId || propertyId) && (
        <p class="muted">
          Processes serve all tenants, so the tenant filter does not apply to this view.
        </p>
      )}
      <ProcessTable filter={filter} />
      <HostCharts filter={filter} />
      <CoverageTable filter={filter} />
    </>
  );
}
