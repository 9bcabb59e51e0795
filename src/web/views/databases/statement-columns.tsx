import type { ApiResponse } from '../../../client/api-types.ts';
import { workColumns } from '../../data/work-columns.tsx';
import type { Column } from '../../design/table.tsx';
import type { Comparison } from '../../url/time-range.ts';
import { linkTo } from '../../url/view-state.ts';

export type StatementRow = ApiResponse<'database'>['statements'][number];

/** Returns the link to a statement's view. */
function statementLink({ service, operation, endpoint }: StatementRow['group']): string {
  return linkTo('/statement', { service, operation, statement: endpoint ?? operation });
}

/** Returns the text of a statement. Senders of OTLP can omit it. */
export function statementName({ operation, endpoint }: StatementRow['group']): string {
  return endpoint ?? operation ?? '(no statement)';
}

/** Columns of a table of statements. */
export function statementColumns(compare: Comparison, hasService: boolean): Column<StatementRow>[] {
  return [
    {
      id: 'statement',
      header: 'Statement',
      isWide: true,
      sortBy: ({ group }) => statementName(group),
      cell: ({ group }) => (
        <span class="cell">
          <a class="mono name" href={statementLink(group)} title={statementName(group)}>
            {statementName(group)}
          </a>
        </span>
      ),
    },
    ...(hasService ? [serviceColumn] : []),
    ...workColumns<StatementRow>({
      compare,
      href: ({ group }) => statementLink(group),
      hasTotal: true,
    }),
  ];
}

const serviceColumn: Column<StatementRow> = {
  id: 'service',
  header: 'Service',
  isOptional: true,
  sortBy: ({ group }) => group.service,
  cell: ({ group: { service } }) =>
    service && (
      <span class="cell">
        <a class="name" href={linkTo('/service', { service })}>
          {service}
        </a>
      </span>
    ),
};
