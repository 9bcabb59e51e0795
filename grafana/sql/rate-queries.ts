import { TO } from './sql-text.ts';
import { toCoveredMs } from './total-queries.ts';

/** Units of a rate, from the shortest. A rate is shown in the first unit in which it is at least 1. */
export const RATE_UNITS = [
  { name: 'per second', symbol: 's', seconds: 1 },
  { name: 'per minute', symbol: 'min', seconds: 60 },
  { name: 'per day', symbol: 'day', seconds: 86_400 },
] as const;

/**
 * Selects a rate in a unit that gives a readable number. The name of the unit is in `metric`, because a panel can only
 * set its format by the name of the series.
 *
 * @param amount SQL expression for the number
 * @param first SQL expression for the time of the first measurement
 */
export function selectReadableRate(amount: string, first: string, rows: string): string {
  const choose = (toValue: (unit: (typeof RATE_UNITS)[number]) => string) => {
    const others = RATE_UNITS.slice(0, -1).map(
      (unit) => `WHEN ${unit.seconds} * rate >= 1 THEN ${toValue(unit)}`,
    );
    return `CASE ${others.join(' ')} ELSE ${toValue(RATE_UNITS.at(-1)!)} END`;
  };
  return `SELECT ${TO} AS time, ${choose(({ name }) => `'${name}'`)} AS metric, ${choose(({ seconds }) => `${seconds} * rate`)} AS value
FROM (SELECT 1000.0 * ${amount} / ${toCoveredMs(first)} AS rate FROM ${rows})`;
}
