import { useState } from 'preact/hooks';
import type { RequestBody } from '../../../client/api-types.ts';
import { refresh } from '../../api/queries.ts';
import { client } from '../../api/session.ts';
import { Dialog } from '../../design/controls.tsx';
import { Form, useSubmit } from '../../design/form.tsx';

type Role = RequestBody<'people'>['role'];
const ROLES: readonly Role[] = ['ADMIN', 'ORG_ADMIN', 'PROPERTY_MGR', 'VIEWER'];
const FIELDS = [
  {
    id: 'name',
    label: 'Name',
    type: 'text',
    hint: 'Receivers refer to this name. A person with the same name is replaced.',
  },
  {
    id: 'organizationId',
    label: 'Organization',
    type: 'text',
    hint: 'Required for all roles except ADMIN.',
  },
  {
    id: 'properties',
    label: 'Properties',
    type: 'text',
    hint: 'Separated by commas. Empty: all properties of the organization.',
  },
  {
    id: 'email',
    label: 'Email',
    type: 'email',
    hint: 'Later, only the masked address is visible.',
  },
  { id: 'phone', label: 'Phone', type: 'tel', hint: 'For text messages, such as +43123456789.' },
  {
    id: 'user',
    label: 'User',
    type: 'text',
    hint: "Subject of the person's key or token, such as token:ann, for the in-app inbox.",
  },
] as const;
type FieldName = (typeof FIELDS)[number]['id'];

/** Adds a person who receives notifications. */
export function PersonDialog({ onClose }: { onClose: () => void }) {
  const [role, setRole] = useState<Role>('ADMIN');
  const [values, setValues] = useState<Partial<Record<FieldName, string>>>({});
  const { submit, error, isSending } = useSubmit(async () => {
    await client.value.setPerson({ role, ...toBody(values) } as RequestBody<'people'>);
    await refresh('people', 'receivers');
    onClose();
  });
  const isComplete =
    Boolean(values.name?.trim()) && (role === 'ADMIN' || Boolean(values.organizationId?.trim()));
  const [first, ...others] = FIELDS.map(({ id, label, type, hint }) => (
    <label key={id} class="field">
      <span>{label}</span>
      <input
        class="input"
        inputMode={type}
        autocomplete="off"
        value={values[id] ?? ''}
        onInput={(event) => setValues({ ...values, [id]: event.currentTarget.value })}
      />
      <span class="small faint">{hint}</span>
    </label>
  ));
  return (
    <Dialog title="Add a person" onClose={onClose}>
      <Form
        label="Add"
        onSubmit={submit}
        onClose={onClose}
        error={error}
        isSending={isSending}
        isComplete={isComplete}
      >
        {first}
        <label class="field">
          <span>Role</span>
          <select
            class="input"
            value={role}
            onChange={(event) => setRole(event.currentTarget.value as Role)}
          >
            {ROLES.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {others}
      </Form>
    </Dialog>
  );
}

/** Omits empty fields, and splits the list of properties. */
function toBody({ properties, ...texts }: Partial<Record<FieldName, string>>) {
  const names = (properties ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  const filled = Object.entries(texts).flatMap(([name, text]) =>
    text.trim() ? [[name, text.trim()]] : [],
  );
  return { ...Object.fromEntries(filled), ...(names.length > 0 && { properties: names }) };
}
