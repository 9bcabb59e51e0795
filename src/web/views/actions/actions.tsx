import { useApi } from '../../api/queries.ts';
import { isAllowed } from '../../api/session.ts';
import { Card } from '../../design/card.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';
import { CurrentDecisions } from './current-decisions.tsx';
import { DecisionLog } from './decision-log.tsx';
import { ScalingCard } from './scaling-card.tsx';

const ROWS = 3;

/** What does Perfscope change or recommend by itself, and why? */
export default function Actions() {
  const state = useApi('actions', {});
  return (
    <>
      <Card title="Settings changed by business rules" note="now">
        <Loaded state={state} height={tableHeight(ROWS)}>
          {({ decisions }) => <CurrentDecisions decisions={decisions} />}
        </Loaded>
      </Card>
      <Card title="Breakers held open by alerts" span={isAllowed('readHosts') ? 5 : 12}>
        <Loaded state={state} height={tableHeight(ROWS)}>
          {({ breakers }) => (
            <Table
              label="Breakers held open"
              sortParameter="breakerSort"
              rows={breakers}
              rowKey={({ name, alertId }) => `${name} ${alertId}`}
              empty={
                <EmptyState title="No breaker is held open">
                  Rules with an action open the breaker of a dependency while they fire.
                  docs/actions.md describes it.
                </EmptyState>
              }
              columns={[
                {
                  id: 'name',
                  header: 'Breaker',
                  isWide: true,
                  sortBy: ({ name }) => name,
                  cell: ({ name }) => (
                    <span class="cell">
                      <span class="name truncate" title={name}>
                        {name}
                      </span>
                    </span>
                  ),
                },
                {
                  id: 'rule',
                  header: 'Because of',
                  sortBy: ({ rule }) => rule,
                  cell: ({ rule, alertId }) => (
                    <a
                      class="name truncate"
                      style={{ display: 'block', maxWidth: '160px' }}
                      href={linkTo(`/alerts/${encodeURIComponent(alertId)}`)}
                      title={rule}
                    >
                      {rule}
                    </a>
                  ),
                },
                {
                  id: 'lease',
                  header: 'Renewed every',
                  align: 'right',
                  cell: ({ leaseMs }) => formatText(leaseMs, 'ms'),
                },
              ]}
            />
          )}
        </Loaded>
      </Card>
      <ScalingCard />
      <DecisionLog />
    </>
  );
}
