import type { Query } from '../../client/api-types.ts';
import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import { InlineCode } from '../design/controls.tsx';
import { linkTo } from '../url/view-state.ts';

/** The part that limits the requests of a filter, as one sentence. Always two lines high, so that loading moves nothing. */
export function BottleneckLine({
  filter,
}: {
  filter: Pick<Query<'bottlenecks'>, 'service' | 'endpoint' | 'operation' | 'version'>;
}) {
  const { data, isLoading } = useApi('bottlenecks', {
    ...rangeQuery.value,
    ...filter,
    groupBy: ['service'],
    limit: 1,
  });
  const [bottleneck] = data?.bottlenecks ?? [];
  const text = bottleneck?.text ?? (isLoading ? '' : 'No requests in this range.');
  return (
    <div>
      <p class="bottleneck" title={text}>
        {text && (
          <>
            <strong>Bottleneck:</strong> <InlineCode text={text} />
          </>
        )}
      </p>
      <p class="small">
        <a class="link" href={linkTo('/suggestions', { service: filter.service })}>
          Suggestions for this service
        </a>
      </p>
    </div>
  );
}
