import type { ApiResponse } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { type Alert, formatReason } from '../../data/alert-names.tsx';
import { Card } from '../../design/card.tsx';
import { Badge, type Kind } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { Table } from '../../design/table.tsx';
import { formatTime, toZoneName } from '../../format/times.ts';
import { linkTo, zoneChoice } from '../../url/view-state.ts';

type Notification = ApiResponse<'notifications'>['notifications'][number];

const STATUS: Readonly<Record<Notification['status'], readonly [text: string, kind: Kind]>> = {
  delivered: ['notified', 'ok'],
  retrying: ['retrying', 'warning'],
  failed: ['failed', 'critical'],
  suppressed: ['not sent', 'none'],
};
const MAX_ROWS = 200;

/** Who was notified, who wasn't, and why. */
export function AlertNotifications({ alert }: { alert: Alert }) {
  const state = useApi(
    'notifications',
    { alertId: alert.id, from: alert.startedAt, limit: MAX_ROWS },
    { isLive: true },
  );
  const zone = toZoneName(zoneChoice.value);
  return (
    <Card title="Notifications" note={<a href={linkTo('/people')}>people and channels</a>}>
      <Loaded state={state} height={100}>
        {({ notifications }) => (
          <Table<Notification>
            label="Notifications"
            rows={notifications}
            rowKey={({ id, seq }) => `${id} ${seq}`}
            empty={<NoNotifications alert={alert} />}
            columns={[
              {
                id: 'at',
                header: 'Time',
                sortBy: ({ at }) => at,
                cell: ({ at }) => formatTime(Date.parse(at), zone, serverNow()),
              },
              {
                id: 'status',
                header: 'Result',
                sortBy: ({ status }) => status,
                cell: ({ status }) => <Badge kind={STATUS[status][1]}>{STATUS[status][0]}</Badge>,
              },
              {
                id: 'recipient',
                header: 'To',
                sortBy: ({ recipient, receiver }) => recipient ?? receiver,
                cell: ({ recipient, receiver }) => (
                  <span class="cell">
                    <span class="name truncate" title={recipient}>
                      {recipient ?? receiver ?? <span class="faint">everyone</span>}
                    </span>
                    {recipient && receiver && <span class="faint">{receiver}</span>}
                  </span>
                ),
              },
              {
                id: 'channel',
                header: 'Channel',
                isOptional: true,
                sortBy: ({ channel }) => channel,
                cell: ({ channel }) => channel ?? <span class="faint">–</span>,
              },
              {
                id: 'detail',
                header: 'Why',
                isWide: true,
                cell: (row) => <Reason row={row} />,
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function Reason({ row }: { row: Notification }) {
  const { status, reason, detail, kind, attempt, level } = row;
  const parts = [
    reason && formatReason(reason),
    detail,
    status === 'delivered' && kind,
    level !== undefined && level > 0 && `escalation ${level}`,
    attempt !== undefined && attempt > 1 && `attempt ${attempt}`,
  ].filter(Boolean);
  const text = parts.join(' · ');
  return (
    <span class="cell muted">
      <span class="name" title={text}>
        {text}
      </span>
    </span>
  );
}

function NoNotifications({ alert: { held, state } }: { alert: Alert }) {
  if (held.length > 0) {
    return (
      <EmptyState title="Nobody was notified yet">
        {held.map(({ reason, detail }) => `${formatReason(reason)}: ${detail}`).join('. ')}
      </EmptyState>
    );
  }
  return (
    <EmptyState title="Nobody was notified">
      {state === 'pending' ? 'Pending alerts are not sent. ' : 'No receiver matches this alert. '}
      <a href={linkTo('/people')}>See people and channels</a>.
    </EmptyState>
  );
}
