import { useState } from 'preact/hooks';
import { refresh, useApi } from '../../api/queries.ts';
import { client } from '../../api/session.ts';
import { Card } from '../../design/card.tsx';
import { Tabs } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { formatText } from '../../format/quantities.ts';
import { getParameter, linkTo, linkWith } from '../../url/view-state.ts';
import { DeliveryLog } from './delivery-log.tsx';
import { InboxMessage } from './inbox-message.tsx';

const HEIGHT = 420;
const LIMIT = 200;

/** Which notifications did I get, and what happened to all others? */
export default function Inbox() {
  const isLog = getParameter('tab') === 'deliveries';
  return (
    <>
      <Tabs
        label="Notifications"
        current={isLog ? 'deliveries' : 'inbox'}
        tabs={[
          { id: 'inbox', label: 'Inbox', href: linkWith({ tab: undefined, status: undefined }) },
          { id: 'deliveries', label: 'All deliveries', href: linkWith({ tab: 'deliveries' }) },
        ]}
      />
      {isLog ? <DeliveryLog /> : <Messages />}
    </>
  );
}

/** In-app notifications of the last 30 days, unread ones first. */
function Messages() {
  const state = useApi('notifications', { inbox: true, limit: LIMIT });
  const [error, setError] = useState<Error>();
  const markRead = async (id: string) => {
    setError(undefined);
    try {
      await client.value.markRead(id);
    } catch (reason) {
      setError(reason as Error);
    }
    await refresh('notifications');
  };
  const unread = state.data?.unread ?? 0;
  return (
    <Card
      title={unread === 0 ? 'Last 30 days' : `${formatText(unread)} unread in the last 30 days`}
      note={
        <button
          type="button"
          class="button"
          disabled={unread === 0}
          onClick={() => void markRead('all')}
        >
          Mark all as read
        </button>
      }
    >
      {error && (
        <p class="critical" role="alert">
          The notification could not be marked as read: {error.message}
        </p>
      )}
      <Loaded state={state} height={HEIGHT}>
        {({ notifications, nextCursor }) =>
          notifications.length === 0 ? (
            <EmptyState title="No notifications">
              Alerts arrive here if a route sends them to a receiver with the channel inApp, and you
              are one of its people. <a href={linkTo('/people')}>See who receives what</a>, or{' '}
              <a href={linkWith({ tab: 'deliveries' })}>what happened to all messages</a>.
            </EmptyState>
          ) : (
            <>
              <ul class="rows">
                {notifications
                  .toSorted(
                    (a, b) => Number(a.readAt !== undefined) - Number(b.readAt !== undefined),
                  )
                  .map((message) => (
                    <InboxMessage
                      key={message.id}
                      message={message}
                      onRead={() => void markRead(message.id)}
                    />
                  ))}
              </ul>
              {nextCursor !== undefined && (
                <p class="muted">
                  Only the newest {LIMIT} notifications are shown.{' '}
                  <a href={linkWith({ tab: 'deliveries' })}>Show all deliveries</a>
                </p>
              )}
            </>
          )
        }
      </Loaded>
    </Card>
  );
}
