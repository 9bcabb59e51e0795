import type { ApiResponse } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { type HostFilter, hostQuery } from '../../api/range-query.ts';
import { Card } from '../../design/card.tsx';
import { Badge, InlineCode } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { tableHeight } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';

type Library = ApiResponse<'coverage'>['coverage'][number];

const ROWS = 8;
const SEARCH_HEIGHT = 39;

/** The libraries of processes: those that aren't measured are first, with the reason. */
export function CoverageTable({ filter }: { filter: HostFilter }) {
  const state = useApi('coverage', { ...hostQuery.value, ...filter });
  return (
    <Card title="Libraries" note={state.data && describeCoverage(state.data.coverage)}>
      <Loaded state={state} height={tableHeight(ROWS) + SEARCH_HEIGHT}>
        {({ coverage }) => (
          <SearchableTable<Library>
            label="Libraries"
            sortParameter="librarySort"
            rows={coverage.toSorted(
              (a, b) => b.unmeasured - a.unmeasured || a.library.localeCompare(b.library),
            )}
            searchText={({ service, library, reason }) => `${service} ${library} ${reason}`}
            rowKey={({ service, version, library, libraryVersion }) =>
              JSON.stringify([service, version, library, libraryVersion])
            }
            empty={
              <EmptyState title="No process reported its libraries in this range">
                Processes with the agent report them. Services that send OTLP don't.
              </EmptyState>
            }
            columns={[
              {
                id: 'library',
                header: 'Library',
                sortBy: ({ library }) => library,
                cell: ({ library, libraryVersion }) => (
                  <span class="cell">
                    <span class="mono name">{library}</span>
                    <span class="faint">{libraryVersion}</span>
                  </span>
                ),
              },
              {
                id: 'state',
                header: 'State',
                sortBy: ({ unmeasured }) => (unmeasured > 0 ? 'a' : 'b'),
                cell: ({ unmeasured }) => (
                  <Badge kind={unmeasured > 0 ? 'warning' : 'ok'}>
                    {unmeasured > 0 ? 'not measured' : 'measured'}
                  </Badge>
                ),
              },
              {
                id: 'service',
                header: 'Service',
                sortBy: ({ service }) => service,
                cell: ({ service, version }) => (
                  <span class="cell">
                    <a class="name" href={linkTo('/service', { service })}>
                      {service}
                    </a>
                    <span class="faint">{version}</span>
                  </span>
                ),
              },
              {
                id: 'reason',
                header: 'Reason',
                isWide: true,
                isOptional: true,
                cell: ({ reason }) => (
                  <span class="cell" title={reason}>
                    <span class="truncate">
                      {reason ? <InlineCode text={reason} /> : <span class="faint">–</span>}
                    </span>
                  </span>
                ),
              },
              {
                id: 'measured',
                header: 'Processes measuring it',
                align: 'right',
                sortBy: ({ measured }) => measured,
                cell: ({ measured }) => <Figure value={measured} />,
              },
              {
                id: 'unmeasured',
                header: 'Not measuring it',
                align: 'right',
                sortBy: ({ unmeasured }) => unmeasured,
                cell: ({ unmeasured }) => <Figure value={unmeasured} isBad={unmeasured > 0} />,
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function describeCoverage(libraries: readonly Library[]): string {
  const count = libraries.filter(({ unmeasured }) => unmeasured > 0).length;
  return count === 0
    ? `all ${formatText(libraries.length)} are measured`
    : `${formatText(count)} of ${formatText(libraries.length)} are not measured`;
}
