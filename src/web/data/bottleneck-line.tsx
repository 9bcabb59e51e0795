import type { Query } from '../../client/api-types.ts';
import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import { InlineCode } from '../design/controls.tsx';
import { formatCount } from '../format/quantities.ts';
import { linkTo } from '../url/view-state.ts';

/** The part that limits the requests of a filter, as one sentence. */
export function BottleneckLine({
  filter,
}: {
  filter: Pick<Query<'bottlenecks'>, 'service' | 'endpoint' | 'operation' | 'version'>;
}) {
  const { data } = useApi('bottlenecks', {
    ...rangeQuery.value,
    ...filter,
    groupBy: ['service'],
    limit: 1,
  });
  const [bottleneck] = data?.bottlenecks ?? [];
  if (!bottleneck) return null;
  const { text, requests, group } = bottleneck;
  return (
    <p>
      <strong>Bottleneck:</strong> <InlineCode text={text} />{' '}
      <span class="faint">From {formatCount(requests, 'request')} in this range.</span>{' '}
      <a class="link" href={linkTo('/suggestions', { service: group.service })}>
        Suggestions
      </a>
    </p>
  );
}
