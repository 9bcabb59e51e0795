import type { Query } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { CodeBlock } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';

/** The SQL statements behind the chart. */
export function SqlStatements({ query }: { query: Query<'trends'> }) {
  const state = useApi('trendsSql', query as Query<'trendsSql'>, { isLive: false });
  return (
    <Loaded state={state} height={200}>
      {({ statements }) =>
        statements.length === 0 ? (
          <EmptyState title="No statement">
            You have access to no rows of this metric. Choose another metric, or remove a filter.
          </EmptyState>
        ) : (
          <div class="form">
            <p class="muted">
              For Grafana or the console of QuestDB. If there are several statements, add up the
              rows with the same group and time.
            </p>
            {statements.map(({ description, sql }) => (
              <div key={`${description} ${sql}`}>
                <h3>{description}</h3>
                <CodeBlock label={description}>{sql}</CodeBlock>
              </div>
            ))}
          </div>
        )
      }
    </Loaded>
  );
}
