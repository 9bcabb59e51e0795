import type { Query } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { hostQuery } from '../../api/range-query.ts';
import { serverNow } from '../../api/server-clock.ts';
import { Card } from '../../design/card.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table, tableHeight } from '../../design/table.tsx';
import { formatAge } from '../../format/times.ts';
import { linkTo } from '../../url/view-state.ts';

const ROWS = 5;

/** Failed connections to databases, most frequent first. Other database errors belong to their requests and jobs. */
export function FailedConnects({
  filter,
}: {
  filter: Pick<Query<'errors'>, 'service' | 'endpoint'>;
}) {
  const state = useApi('errors', {
    ...hostQuery.value,
    ...filter,
    kind: ['database'],
    sort: 'count',
    limit: 100,
  });
  return (
    <Card
      title="Failed connections"
      note={<a href={linkTo('/errors', { service: filter.service })}>all errors</a>}
    >
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ errors }) => (
          <Table
            label="Failed connections"
            sortParameter="connectSort"
            visibleRows={ROWS}
            rows={errors}
            rowKey={({ fingerprint }) => fingerprint}
            empty={
              <EmptyState title="No connection failed">
                Every attempt to connect in this range succeeded.
              </EmptyState>
            }
            columns={[
              {
                id: 'message',
                header: 'Error',
                isWide: true,
                sortBy: ({ message }) => message,
                cell: ({ fingerprint, type, message, service }) => (
                  <span class="cell">
                    <a class="name" href={linkTo('/errors', { fingerprint })} title={message}>
                      {formatError(type, message) ?? fingerprint}
                    </a>
                    <span class="faint truncate">{service}</span>
                  </span>
                ),
              },
              {
                id: 'server',
                header: 'Server',
                sortBy: ({ example }) => readServer(example.context),
                cell: ({ example }) => (
                  <span class="mono name">{readServer(example.context) ?? '–'}</span>
                ),
              },
              {
                id: 'count',
                header: 'Count',
                align: 'right',
                sortBy: ({ count }) => count,
                cell: ({ fingerprint, count }) => (
                  <Figure value={count} href={linkTo('/errors', { fingerprint })} />
                ),
              },
              {
                id: 'lastSeen',
                header: 'Last seen',
                align: 'right',
                sortBy: ({ lastSeen }) => Date.parse(lastSeen),
                cell: ({ lastSeen }) => formatAge(Date.parse(lastSeen), serverNow()),
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

/** Omits the type if the message contains it, such as `connect ECONNREFUSED 127.0.0.1:6379`. */
function formatError(type: string | undefined, message: string | undefined): string | undefined {
  if (type && message?.includes(type)) return message;
  return [type, message].filter(Boolean).join(': ') || undefined;
}

/** The context comes from agents, so it can have any type. */
function readServer(context: unknown): string | undefined {
  const server = (context as { server?: unknown } | null)?.server;
  return typeof server === 'string' ? server : undefined;
}
