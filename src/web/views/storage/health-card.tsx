import { fetchFromServer } from '../../api/connection.ts';
import { useRequest } from '../../api/queries.ts';
import { Card } from '../../design/card.tsx';
import { Dot, type Kind } from '../../design/controls.tsx';
import { formatText } from '../../format/quantities.ts';
import { SERVER_URL } from '../../url/location.ts';
import { countDropped, getDaysLeft, type Storage } from './storage-data.ts';

/** Answer of `/readyz`. Servers that aren't ready answer with 503 and without `status`. */
interface Readiness {
  readonly status: 'ready' | 'degraded' | 503;
  readonly reasons?: readonly { readonly code: string; readonly message: string }[];
}

/** Something that is wrong, and what to do about it. */
interface Finding {
  readonly kind: 'critical' | 'warning';
  readonly title: string;
  readonly text: string;
}

const HEIGHT = 44;
const LAG_LIMIT_MS = 60_000;
const MIN_DAYS_LEFT = 14;
const HEADLINES: Readonly<Record<string, { kind: Kind; text: string }>> = {
  ready: { kind: 'ok', text: 'The server is ready: rows are stored and can be queried' },
  degraded: { kind: 'warning', text: 'The server stores rows, but has a problem' },
  failed: { kind: 'critical', text: 'The server does not store rows' },
  unknown: { kind: 'none', text: 'Checking the server …' },
};
/** Why rows were dropped, and what to do. */
const DROP_REASONS: Readonly<Record<string, string>> = {
  invalid: 'A field of a measurement had an invalid value. Correct the code that records it.',
  unwritable: "A value can't be encoded. Correct the code that records it.",
  memory_full:
    'The disk refused rows, and the memory limit was reached. Check the disk of the spool.',
  spool_full: 'The spool reached its limit. Check QuestDB, or raise PERFORMANCE_SPOOL_MAX_BYTES.',
  damaged: 'A spool file was damaged. Check the disk.',
  missing: 'Another program deleted a spool file. Keep other programs out of the spool folder.',
  untrusted:
    'Another user could have changed a spool file. Correct the permissions of the spool folder.',
  expired: 'The rows were older than the retention period. No action is needed.',
  dead_letters_full: 'The dead letters reached their limit. Send or delete them.',
  process_exit:
    'The process ended, and the spool folder was not writable. Correct its permissions.',
};

/** Whether the server works. If not, what is wrong, and what to do. */
export function HealthCard({ storage }: { storage: Storage | undefined }) {
  const { data } = useRequest(['readyz'], async (signal) => {
    const response = await fetchFromServer(`${SERVER_URL}/readyz`, { signal, cache: 'no-store' });
    return (await response.json()) as Readiness;
  });
  const { kind, text } =
    HEADLINES[data ? (data.status === 503 ? 'failed' : data.status) : 'unknown']!;
  const findings = listFindings(data, storage);
  return (
    <Card>
      <div style={{ minHeight: `${HEIGHT}px` }}>
        <h2
          style={{
            display: 'flex',
            gap: '9px',
            alignItems: 'center',
            fontSize: 'var(--text-large)',
          }}
        >
          <Dot kind={kind} label={kind === 'none' ? 'unknown' : kind} />
          {text}
        </h2>
        {findings.length === 0 ? (
          <p class="muted" style={{ marginTop: '6px' }}>
            {storage &&
              'The disk has enough space, no rows wait or were dropped, and all roll-ups are valid.'}
          </p>
        ) : (
          findings.map((finding) => (
            <div
              key={finding.title}
              class="callout"
              data-kind={finding.kind}
              style={{ marginTop: '12px' }}
            >
              <h3 class="name">{finding.title}</h3>
              <p class="name">{finding.text}</p>
            </div>
          ))
        )}
      </div>
    </Card>
  );
}

function listFindings(readiness: Readiness | undefined, storage: Storage | undefined): Finding[] {
  const kind = readiness?.status === 503 ? 'critical' : 'warning';
  // Only callers who can administer get the messages of `/storage`, which are more exact.
  const problems = storage?.problems ?? readiness?.reasons ?? [];
  const findings: Finding[] = problems.map(({ code, message }) => ({
    kind,
    title: message,
    text: `${code} in docs/errors.md.`,
  }));
  if (!storage) return findings;
  const { writes, writesPaused, walLagMs, tables } = storage;
  if (writesPaused)
    findings.push({ kind: 'critical', title: 'Writes are paused', text: writesPaused });
  const daysLeft = getDaysLeft(storage);
  if (daysLeft !== undefined && daysLeft < MIN_DAYS_LEFT) {
    findings.push({
      kind: 'warning',
      title: `The disk is full in ${formatText(daysLeft * 86_400, 's')} at the current growth`,
      text: 'Add disk space, or set a lower PERFORMANCE_RETENTION_DAYS.',
    });
  }
  if (walLagMs > LAG_LIMIT_MS) {
    findings.push({
      kind: 'warning',
      title: `Rows are readable only after ${formatText(walLagMs, 'ms')}`,
      text: 'Charts and alerts are late. Give QuestDB more CPU or a faster disk, or record fewer rows.',
    });
  }
  if (writes && (writes.lagMs ?? 0) > LAG_LIMIT_MS) {
    findings.push({
      kind: 'warning',
      title: `${formatText(writes.waitingRows)} rows wait in the spool, the oldest for ${formatText(writes.lagMs, 'ms')}`,
      text: 'QuestDB is slow or unreachable. The rows are kept on disk and sent when it responds again.',
    });
  }
  for (const [reason, rows] of Object.entries(writes?.droppedRows ?? {})) {
    findings.push({
      kind: reason === 'expired' ? 'warning' : 'critical',
      title: `${formatText(rows)} rows were dropped since the start of the server (${reason})`,
      text: DROP_REASONS[reason] ?? 'See docs/reliability.md.',
    });
  }
  if (countDropped(storage) === 0 && (writes?.deadLetterRows ?? 0) > 0) {
    findings.push({
      kind: 'warning',
      title: `QuestDB rejected ${formatText(writes?.deadLetterRows)} rows`,
      text: 'They are in the folder of dead letters. docs/reliability.md explains how to send them again.',
    });
  }
  for (const { name, rollup } of tables) {
    if (rollup?.status !== 'invalid') continue;
    findings.push({
      kind: 'warning',
      title: `The roll-up ${name} is invalid`,
      text: `${rollup.reason ?? 'QuestDB gives no reason.'} Queries read the table instead, which is slower. The server repairs roll-ups by itself.`,
    });
  }
  return findings;
}
