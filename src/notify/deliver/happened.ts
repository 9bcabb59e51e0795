import type { Outcome } from '../channel.ts';
import type { Happened } from '../record/rows.ts';
import type { Delivery } from './delivery.ts';

export function happenedOf(outcome: Outcome, recipient: string, atMs: number): Happened {
  if (outcome.status === 'delivered') {
    return { status: 'delivered', reason: 'delivered', detail: outcome.detail, recipient, atMs };
  }
  const { status, reason: detail } = outcome;
  const became = status === 'retryable' ? 'retrying' : 'failed';
  return { status: became, reason: status, detail, recipient, atMs };
}

/** A process ended in the middle of an attempt: nobody knows what became of it. */
export function interrupted({ atMs, recipient }: NonNullable<Delivery['begun']>): Happened {
  const detail = 'the process ended during this attempt: it may have arrived, and is sent again';
  return { status: 'retrying', reason: 'interrupted', detail, recipient, atMs };
}

export function late({ attempt }: Delivery, atMs: number): Happened {
  const detail = attempt === 0 ? 'no attempt could be made in time' : 'the last attempt failed';
  return { status: 'failed', reason: 'deadline', detail, recipient: '', atMs };
}

export function neverTold({ message }: Delivery, atMs: number): Happened {
  const detail = `nothing was sent when ${message.alerts.length === 1 ? 'it' : 'they'} fired`;
  return { status: 'suppressed', reason: 'never_told', detail, recipient: '', atMs };
}

export function gone(detail: string, atMs: number): Happened {
  return { status: 'suppressed', reason: 'receiver_gone', detail, recipient: '', atMs };
}
