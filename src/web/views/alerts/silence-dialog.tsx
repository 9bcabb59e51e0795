import { useState } from 'preact/hooks';
import { refresh } from '../../api/queries.ts';
import { client } from '../../api/session.ts';
import { Dialog } from '../../design/controls.tsx';
import { Form, useSubmit } from '../../design/form.tsx';

/** Durations of a silence, with their labels. */
export const DURATIONS = [
  ['30m', '30 minutes'],
  ['2h', '2 hours'],
  ['8h', '8 hours'],
  ['1d', '1 day'],
  ['7d', '7 days'],
] as const;

export interface SilenceDialogProps {
  readonly matchers: readonly string[];
  readonly duration?: string;
  /** Limits the silence to alerts of a tenant. */
  readonly tenant?: {
    readonly organizationId?: string | undefined;
    readonly propertyId?: string | undefined;
  };
  readonly onClose: () => void;
}

/** Creates a silence by matchers, a duration, and a comment. */
export function SilenceDialog(props: SilenceDialogProps) {
  const { tenant = {}, onClose } = props;
  const [text, setText] = useState(props.matchers.join('\n'));
  const [duration, setDuration] = useState(props.duration ?? DURATIONS[1][0]);
  const [comment, setComment] = useState('');
  const matchers = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const { submit, error, isSending } = useSubmit(async () => {
    await client.value.silence({
      matchers,
      duration,
      comment: comment.trim(),
      organizationId: tenant.organizationId,
      propertyId: tenant.propertyId,
    });
    await refresh('silences', 'alerts', 'alert');
    onClose();
  });
  return (
    <Dialog title="Silence alerts" onClose={onClose}>
      <Form
        {...{ error, isSending, onClose }}
        onSubmit={submit}
        label="Silence"
        isComplete={matchers.length > 0 && comment.trim() !== ''}
      >
        <p class="muted">
          Alerts that match all lines are still evaluated and listed, but not sent.
        </p>
        <label class="field">
          <span>Matchers, one per line</span>
          <textarea
            class="input mono"
            rows={Math.min(8, Math.max(3, matchers.length + 1))}
            spellcheck={false}
            placeholder={'service="booking"\nseverity!="critical"'}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <span class="small faint">
            Labels, <code>alertname</code>, and <code>severity</code>, with <code>=</code>,{' '}
            <code>!=</code>, <code>=~</code>, or <code>!~</code>. Remove a line to match more
            alerts.
          </span>
        </label>
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
          <span>Comment</span>
          <input
            class="input"
            required
            maxLength={2000}
            placeholder="Why the alerts are expected"
            value={comment}
            onInput={(event) => setComment(event.currentTarget.value)}
          />
        </label>
      </Form>
    </Dialog>
  );
}
