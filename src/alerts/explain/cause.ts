import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../schema/format.ts';
import type { Breach, Contributor, FigureUnit, Movement } from './movement.ts';

/** A figure has moved from this factor on, or from so many points for shares in percent. */
const LEAST_FACTOR = 1.3;
const LEAST_POINTS = 5;
const MOST_MOVEMENTS = 3;
const MOST_CONTRIBUTORS = 2;
/** A contributor of less explains nothing. */
const LEAST_SHARE = 0.2;

/**
 * One line on why: the alert's figure with its top contributors, then what else moved, the most
 * first: ``p95 ×3.1 (62 % `GET /rooms`); queue `emails` oldest job 4 min; CPU 96 % on web-2``.
 */
export function causeOf({ headline, contributors, movements }: Breach): string {
  const others = movements
    .map((movement) => ({ movement, weight: weightOf(movement) }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight || (shown(a.movement) < shown(b.movement) ? -1 : 1))
    .slice(0, MOST_MOVEMENTS)
    .map(({ movement }) => shown(movement));
  const who = contributors
    .filter(({ share }) => share >= LEAST_SHARE)
    .sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1))
    .slice(0, MOST_CONTRIBUTORS)
    .map(contribution);
  const first = shown(headline) + (who.length > 0 ? ` (${who.join(', ')})` : '');
  return [first, ...others].join('; ');
}

/** How much a figure moved, in doublings; 0 for what did not. */
function weightOf({ before, now, unit }: Movement): number {
  if (!Number.isFinite(now) && !(now > 0)) return 0;
  if (unit === '%' && before !== undefined && Math.abs(now - before) < LEAST_POINTS) return 0;
  if (before === undefined || before <= 0) return now > 0 ? 10 : 0;
  if (now <= 0) return 10;
  const factor = now / before;
  if (factor < LEAST_FACTOR && factor > 1 / LEAST_FACTOR && unit !== '%') return 0;
  return Math.min(10, Math.abs(Math.log2(factor)));
}

function shown({ figure, subject, before, now, unit, shown }: Movement): string {
  const compared = shown === 'factor' && before !== undefined && before > 0 && Number.isFinite(now);
  const amount = compared ? `×${formatNumber(now / before)}` : withUnit(now, unit);
  if (!subject) return `${figure} ${amount}`;
  const { dimension, name } = subject;
  if (dimension === 'instance') return `${figure} ${amount} on ${name}`;
  return `${dimension} \`${name}\` ${figure} ${amount}`;
}

function contribution({ dimension, name, share }: Contributor): string {
  const whole = dimension === 'endpoint' || dimension === 'operation';
  return `${formatPercent(share * 100)} ${whole ? '' : `${dimension} `}\`${name}\``;
}

function withUnit(value: number, unit: FigureUnit): string {
  if (unit === 'ms') return formatDuration(value);
  if (unit === '%') return formatPercent(value);
  if (unit === 'By') return formatBytes(value);
  return unit === '1/min' ? `${formatNumber(value)}/min` : formatNumber(value);
}
