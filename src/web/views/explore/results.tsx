import type { ApiResponse, Query } from '../../../client/api-types.ts';
import type { ApiState } from '../../api/queries.ts';
import { Card } from '../../design/card.tsx';
import { Tabs } from '../../design/controls.tsx';
import { Loaded } from '../../design/states.tsx';
import type { Unit } from '../../format/quantities.ts';
import { getParameter, linkWith } from '../../url/view-state.ts';
import { ApiCall } from './api-call.tsx';
import type { ExploreState } from './query.ts';
import { RuleForm } from './rule-form.tsx';
import { SqlStatements } from './sql-statements.tsx';
import { PointsTable, SummaryTable } from './tables.tsx';

const TABS = [
  ['summary', 'Groups'],
  ['points', 'Points'],
  ['api', 'API call'],
  ['sql', 'SQL'],
  ['rule', 'Alert rule'],
] as const;

interface ResultsProps {
  readonly state: ExploreState;
  readonly query: Query<'trends'>;
  readonly unit: Unit;
  readonly trends: ApiState<ApiResponse<'trends'>>;
}

/** The values as tables, and the ways to get them elsewhere. */
export function Results({ state, query, unit, trends }: ResultsProps) {
  const [current] = TABS.find(([id]) => id === getParameter('tab')) ?? TABS[0];
  return (
    <Card>
      <Tabs
        label="Results"
        current={current}
        tabs={TABS.map(([id, label]) => ({
          id,
          label,
          href: linkWith({ tab: id === 'summary' ? undefined : id }),
        }))}
      />
      <div class="tab-panel">
        {current === 'summary' && (
          <Loaded state={trends} height={200}>
            {(data) => <SummaryTable trends={data} state={state} unit={unit} />}
          </Loaded>
        )}
        {current === 'points' && (
          <Loaded state={trends} height={200}>
            {(data) => <PointsTable trends={data} state={state} unit={unit} />}
          </Loaded>
        )}
        {current === 'api' && <ApiCall query={query} />}
        {current === 'sql' && <SqlStatements query={query} />}
        {current === 'rule' && <RuleForm state={state} unit={unit} trends={trends.data} />}
      </div>
    </Card>
  );
}
