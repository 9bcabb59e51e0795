import { useEffect, useState } from 'preact/hooks';
import { lastAnswerAt, unreachableSince } from '../api/connection.ts';
import { serverNow } from '../api/server-clock.ts';
import { caller } from '../api/session.ts';
import { formatClock, formatCoarse, toZoneName } from '../format/times.ts';
import { toBounds } from '../url/time-range.ts';
import { hasInvalidRange, linkWith, range, zoneChoice } from '../url/view-state.ts';

const DAY_MS = 86_400_000;

/** Messages about the whole page: an unreachable server, or a range that can't be shown. */
export function Banners() {
  return (
    <>
      <UnreachableBanner />
      {hasInvalidRange.value && (
        <div class="banner" role="status">
          The time range in the link isn't valid, so the page shows the last hour.{' '}
          <a class="link" href={linkWith({ last: undefined, from: undefined, to: undefined })}>
            Remove it
          </a>
        </div>
      )}
      <RetentionBanner />
    </>
  );
}

function UnreachableBanner() {
  const since = unreachableSince.value;
  const [, redraw] = useState(0);
  useEffect(() => {
    if (since === undefined) return undefined;
    const timer = setInterval(() => redraw((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [since]);
  if (since === undefined) return null;
  const zone = toZoneName(zoneChoice.value);
  const shown = lastAnswerAt.value;
  return (
    <div class="banner" data-kind="critical" role="alert">
      The server hasn't answered since {formatClock(since, zone, true)} (
      {formatCoarse(Date.now() - since)}).
      {shown !== undefined && ` The figures are from ${formatClock(shown, zone, true)}.`} The page
      continues by itself when the server is back.
    </div>
  );
}

/** Measurements before the retention period are deleted, so an empty chart there doesn't mean that nothing happened. */
function RetentionBanner() {
  const days = caller.value?.retentionDays;
  if (days === undefined) return null;
  const { fromMs, toMs } = toBounds(range.value, serverNow());
  const oldestMs = serverNow() - days * DAY_MS;
  if (fromMs >= oldestMs - DAY_MS) return null;
  return (
    <div class="banner" role="status">
      {toMs < oldestMs ? 'The whole range is' : 'A part of the range is'} older than {days} days.
      Only summaries by minute and hour exist for that time, and single requests and jobs are
      deleted.
    </div>
  );
}
