import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../../client/api-types.ts';
import { refresh, useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { caller, client } from '../../api/session.ts';
import { KeyNotice, needsKey } from '../../data/key-notice.tsx';
import { Card } from '../../design/card.tsx';
import { Badge, Dialog, type Kind } from '../../design/controls.tsx';
import { Form, useSubmit } from '../../design/form.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, tableHeight } from '../../design/table.tsx';
import { formatAge, formatCoarse, formatDateTime, toZoneName } from '../../format/times.ts';
import { zoneChoice } from '../../url/view-state.ts';
import { CreateKeyDialog } from './create-key.tsx';

type Key = ApiResponse<'keys'>['keys'][number];

const ROWS = 8;
const SOON_MS = 14 * 86_400_000;
const STATES: readonly Key['state'][] = ['active', 'expired', 'revoked'];
const KINDS: Readonly<Record<Key['state'], Kind | undefined>> = {
  active: 'ok',
  expired: 'warning',
  revoked: undefined,
};

/** Who and what has access to this server? */
export default function Keys() {
  const state = useApi('keys', {});
  const [isCreating, setCreating] = useState(false);
  const [revoked, setRevoked] = useState<Key>();
  const isReadOnly = needsKey('manageKeys');
  return (
    <>
      {isReadOnly && <KeyNotice />}
      <Card
        title="API keys"
        note={
          <button
            type="button"
            class="button"
            data-kind="primary"
            disabled={isReadOnly}
            onClick={() => setCreating(true)}
          >
            Create a key
          </button>
        }
      >
        <Loaded state={state} height={tableHeight(ROWS) + 39}>
          {({ keys }) => (
            <SearchableTable
              label="Keys"
              rows={sortKeys(keys)}
              rowKey={({ id }) => id}
              searchText={({ name, role, organizationId, id, state: keyState }) =>
                `${name} ${role} ${organizationId ?? ''} ${id} ${keyState}`
              }
              columns={columns(isReadOnly, setRevoked)}
              empty={
                <EmptyState title="There are no keys">
                  Until a key exists, every program on the server's machine has all permissions.
                  Create a key with the role ADMIN first.
                </EmptyState>
              }
            />
          )}
        </Loaded>
      </Card>
      {isCreating && <CreateKeyDialog onClose={() => setCreating(false)} />}
      {revoked && <RevokeDialog revoked={revoked} onClose={() => setRevoked(undefined)} />}
    </>
  );
}

/** Active keys first, and of these the first to expire. */
function sortKeys(keys: readonly Key[]): Key[] {
  const expiry = ({ expiresAt }: Key) =>
    expiresAt === null ? Number.MAX_VALUE : Date.parse(expiresAt);
  return keys.toSorted(
    (a, b) =>
      STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
      expiry(a) - expiry(b) ||
      Date.parse(b.createdAt) - Date.parse(a.createdAt),
  );
}

function columns(isReadOnly: boolean, onRevoke: (key: Key) => void): Column<Key>[] {
  const zone = toZoneName(zoneChoice.value);
  return [
    {
      id: 'name',
      header: 'Name',
      isWide: true,
      sortBy: ({ name }) => name,
      cell: ({ name, id }) => (
        <span class="cell">
          <span class="name truncate" title={name}>
            {name}
          </span>
          {caller.value?.authentication === 'key' && caller.value.name === name && (
            <Badge kind="accent">yours</Badge>
          )}
          <span class="faint mono truncate" title={id}>
            {id}
          </span>
        </span>
      ),
    },
    {
      id: 'state',
      header: 'State',
      sortBy: ({ state }) => STATES.indexOf(state),
      align: 'left',
      cell: ({ state }) => <Badge kind={KINDS[state]}>{state}</Badge>,
    },
    { id: 'role', header: 'Role', sortBy: ({ role }) => role, cell: ({ role }) => role },
    {
      id: 'organization',
      header: 'Organization',
      sortBy: ({ organizationId }) => organizationId ?? undefined,
      cell: ({ organizationId, properties }) => (
        <span
          class="name truncate"
          style={{ display: 'block', maxWidth: '200px' }}
          title={[organizationId, ...(properties ?? [])].filter(Boolean).join(', ')}
        >
          {organizationId ?? <span class="faint">all</span>}
          {properties && <span class="faint"> {properties.join(', ')}</span>}
        </span>
      ),
    },
    {
      id: 'expires',
      header: 'Expires',
      align: 'right',
      sortBy: ({ expiresAt }) => (expiresAt === null ? undefined : Date.parse(expiresAt)),
      cell: (key) => <Expiry apiKey={key} />,
    },
    {
      id: 'created',
      header: 'Created',
      align: 'right',
      isOptional: true,
      sortBy: ({ createdAt }) => Date.parse(createdAt),
      cell: ({ createdAt, author }) => (
        <span title={`${formatDateTime(Date.parse(createdAt), zone)} by ${author}`}>
          {formatAge(Date.parse(createdAt), serverNow())}
        </span>
      ),
    },
    {
      id: 'author',
      header: 'Created by',
      isOptional: true,
      sortBy: ({ author }) => author,
      cell: ({ author }) => (
        <span class="name truncate" style={{ display: 'block', maxWidth: '140px' }} title={author}>
          {author}
        </span>
      ),
    },
    {
      id: 'revoke',
      header: 'Revoke',
      align: 'right',
      cell: (key) =>
        key.state === 'active' ? (
          <button
            type="button"
            class="button"
            data-kind="danger"
            disabled={isReadOnly}
            aria-label={`Revoke the key ${key.name}`}
            onClick={() => onRevoke(key)}
          >
            Revoke
          </button>
        ) : (
          <span class="faint">–</span>
        ),
    },
  ];
}

function Expiry({ apiKey: { expiresAt, revokedAt, state } }: { apiKey: Key }) {
  const zone = toZoneName(zoneChoice.value);
  if (state === 'revoked' && revokedAt) {
    return <span class="faint">revoked {formatAge(Date.parse(revokedAt), serverNow())}</span>;
  }
  if (expiresAt === null) return <span class="faint">never</span>;
  const left = Date.parse(expiresAt) - serverNow();
  const title = formatDateTime(Date.parse(expiresAt), zone);
  if (left <= 0) return <span title={title}>{formatAge(Date.parse(expiresAt), serverNow())}</span>;
  return (
    <span class={left < SOON_MS ? 'warning' : ''} title={title}>
      in {formatCoarse(left)}
    </span>
  );
}

function RevokeDialog({ revoked, onClose }: { revoked: Key; onClose: () => void }) {
  const { submit, error, isSending } = useSubmit(async () => {
    await client.value.revokeKey(revoked.id);
    await refresh('keys');
    onClose();
  });
  return (
    <Dialog title={<span class="name">Revoke {revoked.name}?</span>} onClose={onClose}>
      <Form
        label="Revoke the key"
        onSubmit={submit}
        onClose={onClose}
        error={error}
        isSending={isSending}
        isComplete
      >
        <p>
          Every server rejects the key within 5 s. Programs that use it lose access. A key can't be
          restored, so create its replacement first.
        </p>
        {caller.value?.authentication === 'key' && caller.value.name === revoked.name && (
          <p class="callout" data-kind="critical">
            You may be signed in with this key. If so, you are signed out.
          </p>
        )}
      </Form>
    </Dialog>
  );
}
