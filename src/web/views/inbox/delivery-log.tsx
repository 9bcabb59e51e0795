import { useApi } from '../../api/queries.ts';
import { tenantQuery } from '../../api/range-query.ts';
import { Card } from '../../design/card.tsx';
import { Badge, type Kind, Tabs } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, Table, tableHeight } from '../../design/table.tsx';
import { formatDateTime, toZoneName } from '../../format/times.ts';
import { getParameter, linkTo, linkWith, zoneChoice } from '../../url/view-state.ts';
import { alertLink, type Notification } from './inbox-message.tsx';

const ROWS = 16;
const LIMIT = 1000;
const STATUSES = ['failed', 'retrying', 'suppressed', 'delivered'] as const;
const KINDS: Readonly<Record<Notification['status'], Kind | undefined>> = {
  failed: 'critical',
  retrying: 'warning',
  suppressed: undefined,
  delivered: 'ok',
};
/** Why a message was not delivered at once. See docs/notifications.md. */
const REASONS: Readonly<Record<string, string>> = {
  silenced: 'A silence matches the alert.',
  maintenance: 'A maintenance window is active.',
  inhibited: 'A more important alert is firing.',
  flapping: 'The alert changes too often.',
  group_wait: 'The group waits for more alerts.',
  group_interval: 'The group waits for its next interval.',
  never_told: 'The alert was resolved before the first message of its group.',
  no_route: 'No route matches the alert.',
  no_recipient: 'The receiver has no recipient for the alert.',
  muted: 'The route is muted at this time.',
  severity: 'The channel does not send alerts with this severity.',
  digest: 'The alert waits for a digest.',
  recipient_limit: 'The recipient has received many messages. The alert waits for a summary.',
  receiver_gone: 'The receiver, channel, or address no longer exists.',
  rate_limited: 'The limit of the receiver is reached. The message waits.',
  circuit_open: 'The channel failed too often and is paused for 30 s.',
  retryable: 'The attempt failed and will be retried.',
  interrupted: 'The server ended during the attempt. The message might have arrived.',
  deadline: 'The message could not be delivered before its deadline.',
  permanent: 'The receiving service rejected the message. A retry would not help.',
};

/** All attempts to deliver notifications, and the reasons for messages that were not sent. */
export function DeliveryLog() {
  const status = STATUSES.find((name) => name === getParameter('status'));
  const state = useApi('notifications', {
    ...tenantQuery.value,
    ...(status && { status: [status] }),
    limit: LIMIT,
  });
  return (
    <Card
      title="Deliveries"
      note={state.data?.nextCursor ? `the newest ${LIMIT} of this range` : 'the newest first'}
    >
      <Tabs
        label="Status of the deliveries"
        current={status ?? 'all'}
        tabs={[
          { id: 'all', label: 'All', href: linkWith({ status: undefined }) },
          ...STATUSES.map((id) => ({
            id,
            label: id[0]!.toUpperCase() + id.slice(1),
            href: linkWith({ status: id }),
          })),
        ]}
      />
      <Loaded state={state} height={tableHeight(ROWS)}>
        {({ notifications }) => (
          <Table
            label="Deliveries"
            rows={notifications}
            rowKey={({ id, seq }) => `${id} ${seq}`}
            columns={columns()}
            empty={
              <EmptyState
                title={
                  status ? `No message was ${status} in this range` : 'No messages in this range'
                }
              >
                Messages are written when an alert changes. Choose a longer range, or{' '}
                <a href={linkTo('/people')}>test a receiver</a>.
              </EmptyState>
            }
          />
        )}
      </Loaded>
    </Card>
  );
}

function columns(): Column<Notification>[] {
  const zone = toZoneName(zoneChoice.value);
  const text = (value: string | undefined) => (
    <span class="name truncate" style={{ display: 'block', maxWidth: '170px' }} title={value}>
      {value ?? '–'}
    </span>
  );
  return [
    {
      id: 'at',
      header: 'Time',
      align: 'left',
      sortBy: ({ at }) => Date.parse(at),
      cell: ({ at }) => formatDateTime(Date.parse(at), zone, true),
    },
    {
      id: 'status',
      header: 'Status',
      sortBy: ({ status }) => status,
      cell: ({ status, attempt = 0 }) => (
        <>
          <Badge kind={KINDS[status]}>{status}</Badge>
          {attempt > 1 && <span class="faint"> attempt {attempt}</span>}
        </>
      ),
    },
    {
      id: 'message',
      header: 'Message',
      isWide: true,
      cell: ({ alertId, content }) => {
        const summary = content?.alerts[0]?.summary ?? content?.alerts[0]?.rule ?? 'Alert';
        const more = (content?.total ?? 1) - 1;
        return (
          <span class="cell">
            {alertId ? (
              <a class="name" href={alertLink(alertId)} title={summary}>
                {summary}
              </a>
            ) : (
              <span class="name">{summary}</span>
            )}
            {more > 0 && <span class="faint">+{more}</span>}
          </span>
        );
      },
    },
    {
      id: 'channel',
      header: 'Channel',
      sortBy: ({ channel }) => channel,
      cell: ({ channel }) => text(channel),
    },
    {
      id: 'receiver',
      header: 'Receiver',
      isOptional: true,
      sortBy: ({ receiver }) => receiver,
      cell: ({ receiver }) => text(receiver),
    },
    {
      id: 'recipient',
      header: 'Recipient',
      sortBy: ({ recipient }) => recipient,
      cell: ({ recipient }) => text(recipient),
    },
    {
      id: 'reason',
      header: 'Reason',
      isWide: true,
      sortBy: ({ reason }) => reason,
      cell: ({ reason, detail }) => {
        if (reason === 'delivered') return <span class="faint">–</span>;
        const meaning = [REASONS[reason ?? ''] ?? reason, detail].filter(Boolean).join(' ');
        return (
          <span class="truncate name" style={{ display: 'block' }} title={meaning}>
            {meaning}
          </span>
        );
      },
    },
  ];
}
