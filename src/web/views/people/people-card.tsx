import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../../client/api-types.ts';
import { refresh, useApi } from '../../api/queries.ts';
import { client } from '../../api/session.ts';
import { Card } from '../../design/card.tsx';
import { Badge, Dialog } from '../../design/controls.tsx';
import { Form, useSubmit } from '../../design/form.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, tableHeight } from '../../design/table.tsx';
import { PersonDialog } from './person-dialog.tsx';
import type { Receiver } from './receivers.tsx';

export type Person = ApiResponse<'people'>['people'][number];

export interface PeopleCardProps {
  readonly receivers: readonly Receiver[];
  readonly isReadOnly: boolean;
}

const ROWS = 4;
const SOURCES: Readonly<Record<Person['source'], string>> = {
  file: 'notification file',
  api: 'added here',
  application: 'application',
};

/** People with their addresses, and the receivers that reach them. */
export function PeopleCard({ receivers, isReadOnly }: PeopleCardProps) {
  const state = useApi('people', {});
  const [isAdding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<string>();
  return (
    <Card
      title="People"
      note={
        <button type="button" class="button" disabled={isReadOnly} onClick={() => setAdding(true)}>
          Add a person
        </button>
      }
    >
      <Loaded state={state} height={tableHeight(ROWS) + 39}>
        {({ people }) => (
          <SearchableTable
            label="People"
            sortParameter="peopleSort"
            rows={people}
            rowKey={({ name, source }) => `${name} ${source}`}
            searchText={({ name, role, organizationId = '' }) =>
              `${name} ${role} ${organizationId}`
            }
            columns={columns(receivers, isReadOnly, setRemoved)}
            empty={
              <EmptyState title="No people">
                Add a person here, in the notification file, or from the application. People with a
                matching role or name receive the messages of a receiver.
              </EmptyState>
            }
          />
        )}
      </Loaded>
      {isAdding && <PersonDialog onClose={() => setAdding(false)} />}
      {removed !== undefined && (
        <RemoveDialog name={removed} onClose={() => setRemoved(undefined)} />
      )}
    </Card>
  );
}

function columns(
  receivers: readonly Receiver[],
  isReadOnly: boolean,
  onRemove: (name: string) => void,
): Column<Person>[] {
  return [
    {
      id: 'name',
      header: 'Name',
      isWide: true,
      sortBy: ({ name }) => name,
      cell: ({ name, hidden }) => (
        <span class="cell">
          <span class="name truncate" title={name}>
            {name}
          </span>
          {hidden && (
            <span title="A source with a higher priority defines a person with the same name.">
              <Badge kind="warning">not used</Badge>
            </span>
          )}
        </span>
      ),
    },
    { id: 'role', header: 'Role', sortBy: ({ role }) => role, cell: ({ role }) => role },
    {
      id: 'tenant',
      header: 'Organization',
      sortBy: ({ organizationId }) => organizationId,
      cell: ({ organizationId, properties }) => (
        <span
          class="name truncate"
          style={{ display: 'block', maxWidth: '180px' }}
          title={[organizationId, ...(properties ?? [])].filter(Boolean).join(', ')}
        >
          {organizationId ?? 'all'}
          {properties && <span class="faint"> {properties.join(', ')}</span>}
        </span>
      ),
    },
    {
      id: 'addresses',
      header: 'Addresses',
      cell: ({ email, phone, user }) => {
        const text = [email, phone, user && `in-app: ${user}`].filter(Boolean).join(', ');
        return text ? <span class="name">{text}</span> : <span class="faint">in-app only</span>;
      },
    },
    {
      id: 'receivers',
      header: 'Receives from',
      isOptional: true,
      cell: (person) => {
        const names = receivers
          .filter(
            ({ people }) => people.includes(person.name) || people.includes(`role:${person.role}`),
          )
          .map(({ name }) => name);
        return names.length > 0 ? (
          <span
            class="name truncate"
            style={{ display: 'block', maxWidth: '180px' }}
            title={names.join(', ')}
          >
            {names.join(', ')}
          </span>
        ) : (
          <span class="warning">no receiver</span>
        );
      },
    },
    {
      id: 'source',
      header: 'Source',
      isOptional: true,
      sortBy: ({ source }) => source,
      cell: ({ source }) => SOURCES[source],
    },
    {
      id: 'remove',
      header: 'Remove',
      align: 'right',
      cell: ({ name, source }) =>
        source === 'api' ? (
          <button
            type="button"
            class="button"
            data-kind="danger"
            disabled={isReadOnly}
            aria-label={`Remove ${name}`}
            onClick={() => onRemove(name)}
          >
            Remove
          </button>
        ) : (
          <span class="faint">–</span>
        ),
    },
  ];
}

function RemoveDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const { submit, error, isSending } = useSubmit(async () => {
    await client.value.removePerson(name);
    await refresh('people', 'receivers');
    onClose();
  });
  return (
    <Dialog title={<span class="name">Remove {name}?</span>} onClose={onClose}>
      <Form
        label="Remove"
        onSubmit={submit}
        onClose={onClose}
        error={error}
        isSending={isSending}
        isComplete
      >
        <p>The person no longer receives notifications, and the stored addresses are deleted.</p>
      </Form>
    </Dialog>
  );
}
