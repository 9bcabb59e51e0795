import { useState } from 'preact/hooks';
import { refresh } from '../../api/queries.ts';
import { caller, client, isAllowed } from '../../api/session.ts';
import { type Alert, formatAuthor } from '../../data/alert-names.tsx';
import { Dialog } from '../../design/controls.tsx';
import { Form, useSubmit } from '../../design/form.tsx';
import { DURATIONS, SilenceDialog } from './silence-dialog.tsx';

/** Why the caller can't acknowledge and silence alerts. Undefined if they can. */
export function whyNotAllowed(): string | undefined {
  if (isAllowed('acknowledge')) return undefined;
  const role = caller.value?.role;
  return `Your role${role ? ` (${role})` : ''} can only read alerts. To acknowledge or silence them, use a key with the role PROPERTY_MGR, ORG_ADMIN, or ADMIN.`;
}

/** Buttons that acknowledge and silence an alert. */
export function AlertActions({ alert }: { alert: Alert }) {
  const [open, setOpen] = useState<'acknowledge' | 'silence'>();
  const reason = whyNotAllowed() ?? describeState(alert);
  const close = () => setOpen(undefined);
  if (alert.state === 'resolved') return null;
  return (
    <div class="alert-actions">
      <div class="buttons">
        <button
          type="button"
          class="button"
          data-kind="primary"
          disabled={reason !== undefined}
          aria-describedby={reason ? 'action-reason' : undefined}
          onClick={() => setOpen('acknowledge')}
        >
          Acknowledge
        </button>
        <button
          type="button"
          class="button"
          disabled={whyNotAllowed() !== undefined}
          aria-describedby={reason ? 'action-reason' : undefined}
          onClick={() => setOpen('silence')}
        >
          Silence
        </button>
      </div>
      {reason && (
        <p class="small faint" id="action-reason">
          {reason}
        </p>
      )}
      {open === 'acknowledge' && <AcknowledgeDialog alert={alert} onClose={close} />}
      {open === 'silence' && (
        <SilenceDialog
          matchers={toMatchers(alert)}
          duration={DURATIONS[1][0]}
          tenant={{ organizationId: alert.labels.organization, propertyId: alert.labels.property }}
          onClose={close}
        />
      )}
    </div>
  );
}

function describeState({ state, author }: Alert): string | undefined {
  if (state === 'acknowledged')
    return `Already acknowledged${author ? ` by ${formatAuthor(author)}` : ''}.`;
  if (state === 'pending') return 'Only a firing alert can be acknowledged.';
  return undefined;
}

/** Returns matchers that match only this alert. */
function toMatchers({ rule, labels }: Alert): string[] {
  const pairs = Object.entries(labels).filter(([name, value]) => value !== '' && name !== 'scope');
  return [['alertname', rule] as const, ...pairs].map(
    ([name, value]) => `${name}=${JSON.stringify(value)}`,
  );
}

function AcknowledgeDialog({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const [comment, setComment] = useState('');
  const { submit, error, isSending } = useSubmit(async () => {
    await client.value.acknowledge(alert.id, comment.trim());
    await refresh('alerts', 'alert', 'alertSeries');
    onClose();
  });
  return (
    <Dialog title="Acknowledge the alert" onClose={onClose}>
      <Form
        {...{ error, isSending, onClose }}
        onSubmit={submit}
        label="Acknowledge"
        isComplete={comment.trim() !== ''}
      >
        <p class="muted">
          Others see that you are working on it. Perfscope sends no more reminders. If the severity
          increases, the alert fires again.
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
