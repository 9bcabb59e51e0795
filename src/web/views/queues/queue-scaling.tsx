import { useApi } from '../../api/queries.ts';
import { isAllowed } from '../../api/session.ts';
import { findRecommendation } from '../../data/queue-data.ts';
import { Card } from '../../design/card.tsx';
import { Badge } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { formatText } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';
import type { QueueName } from './queue-charts.tsx';

const HEIGHT = 62;

/** How many workers the queue needs, and why. Callers of one organization don't see workers. */
export function QueueScaling({ queue, scope }: QueueName) {
  const isHidden = !isAllowed('readHosts');
  const state = useApi(
    'scaling',
    { queue: [queue], ...(scope && { scope: [scope] }) },
    { enabled: !isHidden },
  );
  if (isHidden) return null;
  return (
    <Card title="Workers" note={<a href={linkTo('/actions')}>all recommendations</a>}>
      <Loaded state={state} height={HEIGHT}>
        {({ recommendations }) => {
          const found = findRecommendation(recommendations, { queue, scope });
          if (!found) {
            return (
              <EmptyState title="No recommendation yet">
                It needs jobs that ended in the last minutes, and workers that report.
              </EmptyState>
            );
          }
          const { desired, current, reason } = found;
          return (
            <>
              <p>
                <strong style={{ fontSize: 'var(--text-large)' }}>
                  {formatText(desired)} {desired === 1 ? 'worker' : 'workers'} recommended
                </strong>
                {', '}
                {current === undefined
                  ? 'the number of connected workers is unknown'
                  : `${formatText(current)} connected`}{' '}
                <Verdict desired={desired} current={current} />
              </p>
              <p class="muted">{reason}. Jobs should wait at most 1 min.</p>
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

function Verdict({ desired, current }: { desired: number; current: number | undefined }) {
  if (current === undefined) return null;
  if (current < desired) return <Badge kind="warning">{desired - current} missing</Badge>;
  return current === desired ? (
    <Badge kind="ok">enough</Badge>
  ) : (
    <Badge>{current - desired} more than needed</Badge>
  );
}
