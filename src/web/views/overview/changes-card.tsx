import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { findChanges } from '../../data/changes.ts';
import { Card } from '../../design/card.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { formatComparison, nameComparison } from '../../url/time-range.ts';
import { comparison } from '../../url/view-state.ts';

const MAX_CHANGES = 6;
const HEIGHT = 225;
const MAX_GROUPS = 300;

/** The biggest changes of endpoints and statements since the period to compare with. */
export function ChangesCard() {
  const compare = comparison.value ?? 'yesterday';
  const endpoints = useApi('endpoints', {
    ...rangeQuery.value,
    compare,
    groupBy: ['service', 'operation', 'endpoint'],
    limit: MAX_GROUPS,
  });
  const statements = useApi('database', {
    ...rangeQuery.value,
    compare,
    groupBy: ['service', 'endpoint'],
    limit: MAX_GROUPS,
  });
  return (
    <Card title="What changed" note={formatComparison(compare)} span={4}>
      <Loaded state={endpoints} height={HEIGHT}>
        {(data) => {
          const changes = findChanges(data.endpoints, statements.data?.statements ?? []);
          const hasEarlier = data.endpoints.some(({ previous }) => previous !== undefined);
          if (changes.length === 0) {
            return hasEarlier ? (
              <EmptyState title="Nothing notable">
                No endpoint or statement with at least 20 calls changed by more than a quarter.
              </EmptyState>
            ) : (
              <EmptyState title="Nothing to compare with">
                There are no measurements from{' '}
                {compare === 'previous' ? 'the previous period' : nameComparison(compare)} yet.
                Choose another period under Compare.
              </EmptyState>
            );
          }
          return (
            <div class="rows">
              {changes.slice(0, MAX_CHANGES).map(({ key, name, what, change, isWorse, href }) => (
                <div key={key}>
                  <a class="mono name truncate" href={href} title={name}>
                    {name}
                  </a>
                  <span
                    class={isWorse ? 'worse' : what === 'requests' ? 'muted' : 'better'}
                    style={{ whiteSpace: 'nowrap' }}
                  >
                    {what} {change.text}
                  </span>
                </div>
              ))}
            </div>
          );
        }}
      </Loaded>
    </Card>
  );
}
