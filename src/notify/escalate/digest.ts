import { DateTime } from 'luxon';
import type { Digest } from '../plan/plan.ts';

/**
 * When a digest whose first alert came at `firstMs` is sent: `every` after it, or at the next of its
 * times of day on the clock of its time zone. A time that a day does not have is passed over to the
 * moment at which the clock goes on.
 */
export function digestDueMs({ everyMs, at, timeZone }: Digest, firstMs: number): number {
  if (everyMs !== undefined) return firstMs + everyMs;
  const today = DateTime.fromMillis(firstMs, { zone: timeZone }).startOf('day');
  const moments = [0, 1].flatMap((days) =>
    at.map((clock) => {
      const [hour, minute] = clock.split(':').map(Number);
      return today
        .plus({ days })
        .set({ hour: hour ?? 0, minute: minute ?? 0 })
        .toMillis();
    }),
  );
  return Math.min(...moments.filter((ms) => ms > firstMs));
}
