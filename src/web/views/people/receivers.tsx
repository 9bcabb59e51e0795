import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../../client/api-types.ts';
import { refresh } from '../../api/queries.ts';
import { client } from '../../api/session.ts';
import { Badge, Dialog } from '../../design/controls.tsx';
import { Form, useSubmit } from '../../design/form.tsx';
import { EmptyState } from '../../design/states.tsx';
import { Table } from '../../design/table.tsx';
import { linkTo } from '../../url/view-state.ts';

export type Receiver = ApiResponse<'receivers'>['receivers'][number];
type TestResult = ApiResponse<'testReceiver'>['results'][number];

export interface ReceiverTableProps {
  readonly receivers: readonly Receiver[];
  readonly isReadOnly: boolean;
}

/** Receivers with their channels and people. */
export function ReceiverTable({ receivers, isReadOnly }: ReceiverTableProps) {
  const [tested, setTested] = useState<string>();
  return (
    <>
      <Table
        label="Receivers"
        rows={receivers}
        rowKey={({ name }) => name}
        empty={
          <EmptyState title="No receivers">
            Set PERFORMANCE_NOTIFY_FILE to a file with receivers and routes. docs/notifications.md
            describes it.
          </EmptyState>
        }
        columns={[
          {
            id: 'name',
            header: 'Receiver',
            sortBy: ({ name }) => name,
            cell: ({ name }) => (
              <a
                class="name truncate"
                style={{ display: 'block', maxWidth: '260px' }}
                href={linkTo('/inbox', { tab: 'deliveries' })}
                title={name}
              >
                {name}
              </a>
            ),
          },
          {
            id: 'channels',
            header: 'Channels',
            cell: ({ channels }) =>
              channels.length === 0 ? (
                <span class="faint">none</span>
              ) : (
                <span style={{ display: 'inline-flex', gap: '4px' }}>
                  {channels.map((channel) => (
                    <Badge key={channel}>{channel}</Badge>
                  ))}
                </span>
              ),
          },
          {
            id: 'people',
            header: 'People',
            isWide: true,
            cell: ({ people }) => {
              const text = people.map(describeMember).join(', ');
              return (
                <span class="name truncate" style={{ display: 'block' }} title={text}>
                  {text || <span class="faint">only the addresses of its channels</span>}
                </span>
              );
            },
          },
          {
            id: 'test',
            header: 'Test',
            align: 'right',
            cell: ({ name, channels }) => (
              <button
                type="button"
                class="button"
                disabled={isReadOnly || channels.length === 0}
                aria-label={`Test the receiver ${name}`}
                onClick={() => setTested(name)}
              >
                Test
              </button>
            ),
          },
        ]}
      />
      {tested !== undefined && (
        <TestDialog receiver={tested} onClose={() => setTested(undefined)} />
      )}
    </>
  );
}

/** Describes a member of a receiver: a person's name, or a role such as `role:ADMIN`. */
function describeMember(member: string): string {
  return member.startsWith('role:') ? `all with the role ${member.slice(5)}` : member;
}

/** Sends a sample alert, and shows what each channel did with it. */
function TestDialog({ receiver, onClose }: { receiver: string; onClose: () => void }) {
  const [organizationId, setOrganizationId] = useState('');
  const [results, setResults] = useState<readonly TestResult[]>();
  const { submit, error, isSending } = useSubmit(async () => {
    setResults(undefined);
    const tenant = organizationId.trim();
    const answer = await client.value.testReceiver(
      receiver,
      tenant ? { organizationId: tenant } : {},
    );
    setResults(answer.results);
    await refresh('notifications');
  });
  return (
    <Dialog title={<span class="name">Test {receiver}</span>} onClose={onClose}>
      <p class="muted">
        Sends a sample alert to all recipients now. The message says that it is a test. It can take
        up to 15 s.
      </p>
      <Form
        label={results ? 'Send again' : 'Send sample alert'}
        onSubmit={submit}
        onClose={onClose}
        error={error}
        isSending={isSending}
        isComplete
      >
        <label class="field">
          <span>Organization of the sample alert (optional)</span>
          <input
            class="input"
            maxLength={512}
            value={organizationId}
            onInput={(event) => setOrganizationId(event.currentTarget.value)}
          />
          <span class="small faint">People of an organization receive only its alerts.</span>
        </label>
      </Form>
      <div role="status">{results && <TestResults results={results} />}</div>
    </Dialog>
  );
}

function TestResults({ results }: { results: readonly TestResult[] }) {
  if (results.length === 0) {
    return (
      <EmptyState title="Nothing was sent">
        The receiver has no recipient for alerts of this organization. Enter another organization,
        or add a person.
      </EmptyState>
    );
  }
  const failed = results.filter(({ status }) => status === 'failed').length;
  return (
    <section>
      <h3>
        {failed === 0
          ? 'All messages were delivered'
          : `${failed} of ${results.length} messages failed`}
      </h3>
      <ul class="rows">
        {results.map(({ channel, recipient, status, detail }) => (
          <li key={`${channel} ${recipient}`}>
            <span style={{ minWidth: 0 }}>
              {channel} <span class="muted name">{recipient}</span>
              {detail && (
                <span class="small name" style={{ display: 'block' }}>
                  {detail}
                </span>
              )}
            </span>
            <Badge kind={status === 'delivered' ? 'ok' : 'critical'}>{status}</Badge>
          </li>
        ))}
      </ul>
    </section>
  );
}
