import { useState } from 'preact/hooks';
import { refresh } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { client, isAllowed } from '../../api/session.ts';
import { Card } from '../../design/card.tsx';
import { Badge, CodeBlock, InlineCode } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { useSubmit } from '../../design/form.tsx';
import { formatAge, formatDateTime, toZoneName } from '../../format/times.ts';
import { zoneChoice } from '../../url/view-state.ts';
import { DismissDialog, whyNotAllowed } from './dismiss-dialog.tsx';
import { KIND_LABELS, type Suggestion, toViewLink } from './suggestion-parts.tsx';

/** A suggestion with its evidence, its gain, and its next step. */
export function SuggestionCard({ suggestion }: { suggestion: Suggestion }) {
  const { kind, title, service, confidence, gain, nextStep, links } = suggestion;
  const where = [service, suggestion.organizationId, suggestion.propertyId].filter(Boolean);
  return (
    <Card
      title={<InlineCode text={title} />}
      note={
        <span class="badges">
          <Badge kind="accent">{KIND_LABELS[kind]}</Badge> <Badge>{confidence} confidence</Badge>
        </span>
      }
    >
      <div class="suggestion">
        {where.length > 0 && <p class="muted small name">{where.join(' · ')}</p>}
        <Evidence suggestion={suggestion} />
        <p>
          <strong>Expected gain:</strong> {gain.text} <span class="faint">{gain.method}</span>
        </p>
        <p>
          <strong>Next step:</strong> <InlineCode text={nextStep.text} />
        </p>
        {nextStep.code && <CodeBlock label={`Next step of: ${title}`}>{nextStep.code}</CodeBlock>}
        <Plan suggestion={suggestion} />
        <p class="links small">
          {links.map(({ label, path }) => (
            <a key={path} class="link name" href={toViewLink(path)}>
              {label}
            </a>
          ))}
        </p>
        <Actions suggestion={suggestion} />
      </div>
    </Card>
  );
}

function Evidence({ suggestion }: { suggestion: Suggestion }) {
  const { evidence, firstSeen, lastSeen, statement } = suggestion;
  return (
    <dl class="facts">
      {statement && (
        <>
          <dt>Statement</dt>
          <dd class="mono name">{statement}</dd>
        </>
      )}
      {evidence.map(({ label, value, unit }) => (
        <>
          <dt>{label}</dt>
          <dd>
            <Figure value={value} unit={unit === '1/s' ? '/s' : unit} />
          </dd>
        </>
      ))}
      <dt>First seen in this range</dt>
      <dd>
        <Time at={firstSeen} />
      </dd>
      <dt>Last seen</dt>
      <dd>
        <Time at={lastSeen} />
      </dd>
    </dl>
  );
}

function Time({ at }: { at: string }) {
  const ms = Date.parse(at);
  return (
    <time dateTime={at}>
      {formatDateTime(ms, toZoneName(zoneChoice.value), true)}{' '}
      <span class="faint">({formatAge(ms, serverNow())})</span>
    </time>
  );
}

function Plan({ suggestion: { plan } }: { suggestion: Suggestion }) {
  if (!plan) return null;
  return (
    <details>
      <summary>
        Plan of {plan.database} {plan.version}: {plan.summary}
      </summary>
      <CodeBlock label="Plan without values">{plan.plan.join('\n')}</CodeBlock>
    </details>
  );
}

function Actions({ suggestion }: { suggestion: Suggestion }) {
  const [isOpen, setOpen] = useState(false);
  const { id, isExplainable, dismissal } = suggestion;
  const reason = whyNotAllowed();
  const restore = useSubmit(async () => {
    await client.value.restoreSuggestion(id);
    await refresh('suggestions');
  });
  const explain = useSubmit(async () => {
    const { reason: failure } = await client.value.explainSuggestion(id);
    if (failure !== undefined) throw new Error(`The statement was not explained: ${failure}.`);
    await refresh('suggestions');
  });
  const error = restore.error ?? explain.error;
  return (
    <>
      <div class="buttons">
        {isExplainable && isAllowed('administer') && (
          <button
            type="button"
            class="button"
            disabled={explain.isSending}
            title="Plans the statement with your database. Never executes it."
            onClick={explain.submit}
          >
            {explain.isSending ? 'Explaining…' : 'Run EXPLAIN'}
          </button>
        )}
        {dismissal ? (
          <button
            type="button"
            class="button"
            disabled={reason !== undefined || restore.isSending}
            title={reason}
            onClick={restore.submit}
          >
            Show again
          </button>
        ) : (
          <button
            type="button"
            class="button"
            disabled={reason !== undefined}
            title={reason}
            onClick={() => setOpen(true)}
          >
            Dismiss
          </button>
        )}
      </div>
      {error && (
        <p class="critical" role="alert">
          {error.message}
        </p>
      )}
      {isOpen && <DismissDialog suggestion={suggestion} onClose={() => setOpen(false)} />}
    </>
  );
}
