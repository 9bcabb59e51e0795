import { useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { LabelLinks } from '../../data/alert-names.tsx';
import { Card } from '../../design/card.tsx';
import { Badge } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, tableHeight } from '../../design/table.tsx';
import { formatCount } from '../../format/quantities.ts';
import { getParameter, linkTo, linkWith } from '../../url/view-state.ts';
import { BudgetBar } from './budget-bar.tsx';
import { ObjectiveDrawer } from './objective-drawer.tsx';
import {
  budgetKind,
  currentBurnRate,
  describeExhaustion,
  describeObjective,
  isBurningFast,
  type Objective,
  type ObjectiveGroup,
} from './objective-words.ts';

const ROWS = 15;

/** One group of an objective. */
interface ObjectiveRow {
  readonly objective: Objective;
  readonly group: ObjectiveGroup;
}

/** Which objectives are at risk, and when do their error budgets run out? */
export default function Objectives() {
  const state = useApi('objectives', {}, { isLive: true });
  const name = getParameter('objective');
  const group = getParameter('group');
  const objectives = state.data?.objectives ?? [];
  const rows = objectives.flatMap((objective) =>
    objective.groups.map((each) => ({ objective, group: each })),
  );
  const unused = objectives.filter(({ groups }) => groups.length === 0);
  return (
    <>
      <Card title="Objectives" note={state.data && formatCount(objectives.length, 'objective')}>
        <Loaded state={state} height={tableHeight(ROWS) + 39}>
          {({ updatedAt }) => (
            <SearchableTable
              label="Objectives"
              columns={COLUMNS}
              rows={rows.toSorted((a, b) => toRank(a) - toRank(b))}
              rowKey={toKey}
              searchText={toSearchText}
              empty={
                updatedAt === undefined ? (
                  <EmptyState title="Reading stored measurements">
                    The server computes the error budgets after its start. This can take a minute.
                  </EmptyState>
                ) : (
                  <EmptyState title="No events yet">
                    An objective appears here as soon as its service receives requests. To add your
                    own, use <code>objectives</code> in the rules file.
                  </EmptyState>
                )
              }
            />
          )}
        </Loaded>
      </Card>
      {objectives.some(({ omittedGroups }) => omittedGroups > 0) && (
        <Card title="Groups that are not measured">
          {objectives
            .filter(({ omittedGroups }) => omittedGroups > 0)
            .map(({ name: objective, omittedGroups }) => (
              <p key={objective}>
                <strong class="name">{objective}</strong>{' '}
                <span class="muted">
                  {formatCount(omittedGroups, 'more group')} over the limit of 500. Use fewer
                  dimensions in <code>groupBy</code>.
                </span>
              </p>
            ))}
        </Card>
      )}
      {state.data?.updatedAt !== undefined && unused.length > 0 && (
        <Card title="Objectives without events">
          {unused.map((objective) => (
            <p key={objective.name}>
              <strong class="name">{objective.name}</strong>{' '}
              <span class="muted">{describeObjective(objective)}</span>
            </p>
          ))}
        </Card>
      )}
      {name !== undefined && group !== undefined && <ObjectiveDrawer name={name} group={group} />}
    </>
  );
}

function toKey({ objective, group }: ObjectiveRow): string {
  return `${objective.name} ${JSON.stringify(group.labels)}`;
}

function toSearchText({ objective, group }: ObjectiveRow): string {
  return [objective.name, group.status, ...Object.values(group.labels)].join(' ');
}

/** Sorts the smallest remaining budget first, and groups that wait for data last. */
function toRank({ group }: ObjectiveRow): number {
  return group.budgetRemaining ?? Number.MAX_SAFE_INTEGER;
}

function toHref({ objective, group }: ObjectiveRow): string {
  return linkWith({ objective: objective.name, group: JSON.stringify(group.labels) });
}

const COLUMNS: readonly Column<ObjectiveRow>[] = [
  {
    id: 'status',
    header: 'Status',
    isOptional: true,
    sortBy: ({ group }) => group.status,
    cell: ({ group }) => <Badge kind={budgetKind(group)}>{group.status}</Badge>,
  },
  {
    id: 'name',
    header: 'Objective',
    isWide: true,
    sortBy: ({ objective }) => objective.name,
    cell: (row) => (
      <span class="two-lines">
        <a class="name truncate" href={toHref(row)} title={describeObjective(row.objective)}>
          <strong>{row.objective.name}</strong>
        </a>
        <span class="small truncate">
          <LabelLinks labels={row.group.labels} metricType={row.objective.metricType ?? ''} />
        </span>
      </span>
    ),
  },
  {
    id: 'target',
    header: 'Target',
    align: 'right',
    isOptional: true,
    sortBy: ({ group }) => group.target,
    cell: ({ group }) => <Figure value={group.target} unit="%" />,
  },
  {
    id: 'achieved',
    header: 'Achieved',
    align: 'right',
    isOptional: true,
    sortBy: ({ group }) => group.achieved,
    cell: ({ group }) => (
      <Figure value={group.achieved} unit="%" isBad={group.status === 'exhausted'} />
    ),
  },
  {
    id: 'budget',
    header: 'Remaining budget',
    sortBy: ({ group }) => group.budgetRemaining,
    align: 'left',
    cell: ({ group }) => <BudgetBar group={group} />,
  },
  {
    id: 'burnRate',
    header: 'Burn rate',
    align: 'right',
    sortBy: ({ group }) => currentBurnRate(group),
    cell: ({ group }) => (
      <Figure value={currentBurnRate(group)} unit="x" isBad={isBurningFast(group)} />
    ),
  },
  {
    id: 'exhaustion',
    header: 'Runs out',
    isOptional: true,
    sortBy: ({ group }) => group.exhaustedAt ?? '9',
    cell: ({ group }) => (
      <span class={group.status === 'waiting' ? 'faint' : undefined}>
        {describeExhaustion(group, serverNow())}
      </span>
    ),
  },
  {
    id: 'alerts',
    header: 'Alerts',
    align: 'right',
    sortBy: ({ group }) => group.alerts,
    cell: ({ group: { alerts } }) => (
      <Figure value={alerts} isBad={alerts > 0} {...(alerts > 0 && { href: linkTo('/alerts') })} />
    ),
  },
];
