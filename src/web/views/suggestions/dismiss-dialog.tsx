import { useState } from 'preact/hooks';
import { refresh } from '../../api/queries.ts';
import { caller, client, isAllowed } from '../../api/session.ts';
import { Dialog } from '../../design/controls.tsx';
import { Form, useSubmit } from '../../design/form.tsx';
import type { Suggestion } from './suggestion-parts.tsx';

/** Lengths of a dismissal, with their labels. An empty length has no end. */
const DURATIONS = [
  ['1d', '1 day'],
  ['7d', '7 days'],
  ['30d', '30 days'],
  ['', 'No end'],
] as const;

/** Why the caller can't dismiss suggestions. Undefined if they can. */
export function whyNotAllowed(): string | undefined {
  if (isAllowed('acknowledge')) return undefined;
  const role = caller.value?.role;
  return `Your role${role ? ` (${role})` : ''} can only read suggestions. To dismiss them, use a key with the role PROPERTY_MGR, ORG_ADMIN, or ADMIN.`;
}

/** Dismisses a suggestion with a reason, for a time or without an end. */
export function DismissDialog({
  suggestion: { id, title },
  onClose,
}: {
  suggestion: Suggestion;
  onClose: () => void;
}) {
  const [duration, setDuration] = useState<string>(DURATIONS[2][0]);
  const [comment, setComment] = useState('');
  const { submit, error, isSending } = useSubmit(async () => {
    const body = { comment: comment.trim(), ...(duration !== '' && { duration }) };
    await client.value.dismissSuggestion(id, body);
    await refresh('suggestions');
    onClose();
  });
  return (
    <Dialog title="Dismiss the suggestion" onClose={onClose}>
      <Form
        {...{ error, isSending, onClose }}
        onSubmit={submit}
        label="Dismiss"
        isComplete={comment.trim() !== ''}
      >
        <p class="muted name">{title}</p>
        <label class="field">
          <span>Duration</span>
          <select
            class="input"
            value={duration}
            onChange={(event) => setDuration(event.currentTarget.value)}
          >
            {DURATIONS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Reason</span>
          <input
            class="input"
            required
            maxLength={2000}
            placeholder="Why this is accepted"
            value={comment}
            onInput={(event) => setComment(event.currentTarget.value)}
          />
        </label>
      </Form>
    </Dialog>
  );
}
