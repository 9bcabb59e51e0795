import type { Message, ToldAlert } from '../../channel.ts';
import { plain } from '../../text/plain.ts';
import { webAddress } from '../../text/told.ts';
import { type Labels, labelsOf } from './labels.ts';

const MOST_ANNOTATION = 2000;

/** One entry of `POST /api/v2/alerts` (Alertmanager's api/v2/openapi.yaml, `postableAlert`). */
export interface PostableAlert {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}

/** Most alerts whose last labels are remembered. */
const MOST_REMEMBERED = 10_000;

/** Makes Alertmanager's alerts of messages, and ends what an alert was before it changed. */
export class Alerts {
  readonly #endsAfterMs: number;
  /** By id: labels identify an alert there, and the severity is one of them. */
  readonly #last = new Map<string, PostableAlert>();

  constructor(endsAfterMs: number) {
    this.#endsAfterMs = endsAfterMs;
  }

  of(message: Message, nowMs: number): PostableAlert[] {
    return message.alerts.flatMap((alert) => {
      const now = postable(alert, nowMs, this.#endsAfterMs);
      const before = this.#last.get(alert.id);
      const changed = before && JSON.stringify(before.labels) !== JSON.stringify(now.labels);
      const ended = changed ? [{ ...before, endsAt: new Date(nowMs).toISOString() }] : [];
      return [...ended, now];
    });
  }

  /** The message has been delivered. */
  delivered(message: Message, nowMs: number): void {
    for (const alert of message.alerts) {
      this.#last.delete(alert.id);
      if (alert.state !== 'resolved') {
        this.#last.set(alert.id, postable(alert, nowMs, this.#endsAfterMs));
      }
    }
    for (const id of this.#last.keys()) {
      if (this.#last.size <= MOST_REMEMBERED) break;
      this.#last.delete(id);
    }
  }
}

function postable(alert: ToldAlert, nowMs: number, endsAfterMs: number): PostableAlert {
  const resolved = alert.state === 'resolved';
  // An end that a clock which is ahead has seen would not be one yet.
  const endsMs = resolved ? Math.min(alert.endedMs ?? nowMs, nowMs) : nowMs + endsAfterMs;
  const generator = webAddress(alert.links.view);
  const { annotations, runbook, cause, comment, author } = alert;
  const texts = {
    ...annotations,
    runbook_url: webAddress(runbook),
    cause,
    perfscope_id: alert.id,
    acknowledged_by: author,
    acknowledge_comment: comment,
  };
  return {
    labels: labelsOf(alert),
    annotations: Object.fromEntries(
      Object.entries(texts).flatMap(([name, value]) => {
        const shown = plain(value ?? '', MOST_ANNOTATION);
        return shown === '' ? [] : [[name.replace(/[^a-zA-Z0-9_]/g, '_'), shown]];
      }),
    ),
    startsAt: new Date(alert.firedMs ?? alert.startedMs).toISOString(),
    endsAt: new Date(endsMs).toISOString(),
    ...(generator !== undefined && { generatorURL: generator }),
  };
}
