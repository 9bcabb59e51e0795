import { useState } from 'preact/hooks';
import { refresh } from '../../api/queries.ts';
import { client } from '../../api/session.ts';
import type { Incident } from '../../data/incident-names.tsx';
import { Dialog } from '../../design/controls.tsx';
import { Form, useSubmit } from '../../design/form.tsx';
import { whyNotAllowed } from '../alerts/alert-actions.tsx';

/** The button that acknowledges the alerts of an incident. */
export function IncidentActions({ incident }: { incident: Incident }) {
  const [isOpen, setOpen] = useState(false);
  if (incident.state !== 'open') return null;
  const isFiring = incident.alerts.some(({ state }) => state === 'firing');
  const reason = whyNotAllowed() ?? (isFiring ? undefined : 'No alert of this incident is firing.');
  return (
    <div class="alert-actions">
      <div class="buttons">
        <button
          type="button"
          class="button"
          data-kind="primary"
          disabled={reason !== undefined}
          aria-describedby={reason ? 'incident-reason' : undefined}
          onClick={() => setOpen(true)}
        >
          Acknowledge
        </button>
      </div>
      {reason && (
        <p class="small faint" id="incident-reason">
          {reason}
        </p>
      )}
      {isOpen && <AcknowledgeDialog id={incident.id} onClose={() => setOpen(false)} />}
    </div>
  );
}

function AcknowledgeDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const [comment, setComment] = useState('');
  const { submit, error, isSending } = useSubmit(async () => {
    await client.value.acknowledgeIncident(id, comment.trim());
    await refresh('incidents', 'incident', 'alerts', 'alert');
    onClose();
  });
  return (
    <Dialog title="Acknowledge the incident" onClose={onClose}>
      <Form
        {...{ error, isSending, onClose }}
        onSubmit={submit}
        label="Acknowledge"
        isComplete={comment.trim() !== ''}
      >
        <p class="muted">
          All firing alerts of the incident are acknowledged. Others see that you are working on
          them, and Perfscope sends no more reminders.
        </p>
        <label class="field">
          <span>Comment</span>
          <textarea
            class="input"
            rows={3}
            required
            maxLength={2000}
            placeholder="What you found, or what you are doing"
            value={comment}
            onInput={(event) => setComment(event.currentTarget.value)}
          />
        </label>
      </Form>
    </Dialog>
  );
}
