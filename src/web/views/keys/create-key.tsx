import { useState } from 'preact/hooks';
import type { RequestBody } from '../../../client/api-types.ts';
import { refresh } from '../../api/queries.ts';
import { caller, client, isAllowed } from '../../api/session.ts';
import { CodeBlock, Dialog } from '../../design/controls.tsx';
import { Form, useSubmit } from '../../design/form.tsx';

type Role = RequestBody<'keys'>['role'];

const ROLES: Readonly<Record<Role, string>> = {
  VIEWER: 'Reads the data of one organization',
  PROPERTY_MGR: 'Reads, acknowledges, and silences alerts of one organization',
  ORG_ADMIN: 'The same, and manages the keys of the organization',
  INGEST: 'Sends measurements, and reads nothing',
  ADMIN: 'Has all permissions for all organizations',
};
const EXPIRIES = [
  ['90d', 'in 90 days'],
  ['30d', 'in 30 days'],
  ['7d', 'in 7 days'],
  ['1y', 'in 1 year'],
  ['', 'never'],
] as const;

/** Creates a key, and shows its text once. */
export function CreateKeyDialog({ onClose }: { onClose: () => void }) {
  const own = caller.value?.organizationId;
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('VIEWER');
  const [organizationId, setOrganizationId] = useState(own ?? '');
  const [properties, setProperties] = useState('');
  const [expires, setExpires] = useState<string>(EXPIRIES[0][0]);
  const [created, setCreated] = useState<string>();
  const { submit, error, isSending } = useSubmit(async () => {
    const names = properties
      .split(',')
      .map((text) => text.trim())
      .filter(Boolean);
    const answer = await client.value.createKey({
      name: name.trim(),
      role,
      ...(role !== 'ADMIN' && organizationId.trim() && { organizationId: organizationId.trim() }),
      ...(role !== 'ADMIN' && names.length > 0 && { properties: names as [string, ...string[]] }),
      ...(expires && { expires }),
    });
    setCreated(answer.keys[0]?.key);
    await refresh('keys');
  });
  if (created !== undefined) return <CreatedKey text={created} name={name} onClose={onClose} />;
  const roles = (Object.keys(ROLES) as Role[]).filter(
    (id) => id !== 'ADMIN' || isAllowed('administer'),
  );
  const needsOrganization = role !== 'ADMIN' && role !== 'INGEST';
  return (
    <Dialog title="Create a key" onClose={onClose}>
      <Form
        label="Create"
        onSubmit={submit}
        onClose={onClose}
        error={error}
        isSending={isSending}
        isComplete={name.trim() !== '' && (!needsOrganization || organizationId.trim() !== '')}
      >
        <label class="field">
          <span>Name</span>
          <input
            class="input"
            maxLength={100}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <span class="small faint">For example the person or program that uses the key.</span>
        </label>
        <label class="field">
          <span>Role</span>
          <select
            class="input"
            value={role}
            onChange={(event) => setRole(event.currentTarget.value as Role)}
          >
            {roles.map((id) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
          <span class="small faint">{ROLES[role]}.</span>
        </label>
        {role !== 'ADMIN' && (
          <>
            <label class="field">
              <span>Organization{!needsOrganization && ' (optional)'}</span>
              <input
                class="input"
                maxLength={512}
                disabled={own !== undefined}
                value={organizationId}
                onInput={(event) => setOrganizationId(event.currentTarget.value)}
              />
            </label>
            <label class="field">
              <span>Properties (optional)</span>
              <input
                class="input"
                value={properties}
                onInput={(event) => setProperties(event.currentTarget.value)}
              />
              <span class="small faint">
                Separated by commas. Empty: all properties of the organization.
              </span>
            </label>
          </>
        )}
        <label class="field">
          <span>Expires</span>
          <select
            class="input"
            value={expires}
            onChange={(event) => setExpires(event.currentTarget.value)}
          >
            {EXPIRIES.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
      </Form>
    </Dialog>
  );
}

function CreatedKey({ text, name, onClose }: { text: string; name: string; onClose: () => void }) {
  return (
    <Dialog title={<span class="name">Key {name} created</span>} onClose={onClose}>
      <p class="callout" data-kind="warning" role="alert">
        <strong>Copy the key now.</strong> Perfscope stores only its hash, so it can't be shown
        again. If it gets lost, revoke it and create another one.
      </p>
      <CodeBlock label="The new key">{text}</CodeBlock>
      <p class="muted">
        Send it in the header <code>Authorization: Bearer …</code>, or sign in to this page with it.
        Don't send it by email or chat.
      </p>
      <div class="buttons" style={{ justifyContent: 'flex-end' }}>
        <button type="button" class="button" data-kind="primary" onClick={onClose}>
          I have copied the key
        </button>
      </div>
    </Dialog>
  );
}
