import type { AlertView, HeldView, SilenceView } from '../../schema/alert-desk.ts';
import type { Alert } from '../present.ts';
import type { Held } from '../quiet/held.ts';
import type { Silence } from '../quiet/silence.ts';

export function alertView(
  { startedMs, firedMs, changedMs, ...alert }: Alert,
  held: readonly Held[],
): AlertView {
  return {
    ...alert,
    startedAt: new Date(startedMs),
    firedAt: timeOf(firedMs),
    changedAt: new Date(changedMs),
    held: held.map(heldView),
  };
}

function heldView({ reason, by, detail, untilMs }: Held): HeldView {
  return { reason, by, detail, until: timeOf(untilMs) };
}

export function silenceView(silence: Silence): SilenceView {
  const { id, kind, matchers, startsMs, endsMs, recurrence, author, comment } = silence;
  return {
    id,
    kind,
    recurrence,
    author,
    comment,
    matchers: matchers.map(({ text }) => text),
    startsAt: timeOf(startsMs),
    endsAt: timeOf(endsMs),
    organizationId: silence.organization,
    propertyId: silence.property,
  };
}

/** Windows of a file may have no begin and no end. */
function timeOf(ms: number | undefined): Date | undefined {
  return ms !== undefined && Number.isFinite(ms) ? new Date(ms) : undefined;
}
