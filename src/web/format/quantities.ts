/** Unit of a value, as the API reports it (UCUM), plus `/s` for rates and `x` for factors. */
export type Unit = 'ms' | 's' | '%' | 'By' | 'By/s' | '/s' | '/min' | '1' | 'x' | (string & {});

/** A value and its unit as text. */
export interface Quantity {
  readonly value: string;
  /** Empty for plain numbers. */
  readonly unit: string;
}

const NONE: Quantity = { value: '–', unit: '' };
const DIGITS = 3;

/** Sizes of units in the base unit, ascending. */
type Scale = readonly (readonly [size: number, unit: string])[];

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;
const SECONDS: Scale = [
  [1e-6, 'µs'],
  [1e-3, 'ms'],
  [1, 's'],
  [MINUTE_S, 'min'],
  [HOUR_S, 'h'],
  [DAY_S, 'd'],
];
const BYTES: Scale = [
  [1, 'B'],
  [2 ** 10, 'KiB'],
  [2 ** 20, 'MiB'],
  [2 ** 30, 'GiB'],
  [2 ** 40, 'TiB'],
];
const NUMBERS: Scale = [
  [1, ''],
  [1e6, 'M'],
  [1e9, 'G'],
  [1e12, 'T'],
];
const MIN_RATE_PER_SECOND = 0.1;
const EXACT_FORMAT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 6 });
const NUMBER_FORMAT = new Intl.NumberFormat('en-US', {
  maximumSignificantDigits: DIGITS,
});

/**
 * Formats a value with its unit and at most three significant digits.
 *
 * @example formatQuantity(1234, 'ms') // { value: '1.23', unit: 's' }
 */
export function formatQuantity(value: number | null | undefined, unit: Unit = '1'): Quantity {
  if (value === undefined || value === null || !Number.isFinite(value)) return NONE;
  if (unit === 'ms') return scale(value / 1000, SECONDS);
  if (unit === 's') return scale(value, SECONDS);
  if (unit === 'By') return scale(value, BYTES);
  if (unit === 'By/s') {
    const bytes = scale(value, BYTES);
    return { value: bytes.value, unit: `${bytes.unit}/s` };
  }
  if (unit === '%') return { value: formatNumber(value), unit: '%' };
  if (unit === '/s') return formatRate(value);
  if (unit === 'x') return { value: `×${formatNumber(value)}`, unit: '' };
  const { value: number, unit: prefix } = scale(value, NUMBERS);
  // UCUM annotations such as {request} are not units.
  const name = unit === '1' ? '' : unit.replaceAll(/\{([^{}]*)\}/g, number === '1' ? '$1' : '$1s');
  return {
    value: number,
    unit: `${prefix}${prefix && name && !name.startsWith('/') ? ' ' : ''}${name}`,
  };
}

/**
 * Formats a value with its unit as one text.
 *
 * @example formatText(0.4, '%') // '0.4 %'
 */
export function formatText(value: number | null | undefined, unit: Unit = '1'): string {
  const quantity = formatQuantity(value, unit);
  if (quantity.unit === '') return quantity.value;
  return `${quantity.value}${quantity.unit.startsWith('/') ? '' : ' '}${quantity.unit}`;
}

/** Returns the exact value for a tooltip, or undefined if the text already shows it. */
export function formatExact(
  value: number | null | undefined,
  unit: Unit = '1',
): string | undefined {
  if (value === undefined || value === null || !Number.isFinite(value)) return undefined;
  const text = `${EXACT_FORMAT.format(value)} ${unit === '1' ? '' : unit}`;
  return text.trim();
}

/** Rare events are shown per minute or per hour, because 0.005/s is hard to read. */
function formatRate(perSecond: number): Quantity {
  const rate = Math.abs(perSecond);
  if (rate === 0 || rate >= MIN_RATE_PER_SECOND) {
    const { value, unit } = scale(perSecond, NUMBERS);
    return { value, unit: `${unit}/s` };
  }
  if (rate * MINUTE_S >= MIN_RATE_PER_SECOND) {
    return { value: formatNumber(perSecond * MINUTE_S), unit: '/min' };
  }
  return { value: formatNumber(perSecond * HOUR_S), unit: '/h' };
}

function formatNumber(value: number): string {
  // A figure such as 99.97 % must not become 100 %.
  if (value > 99.5 && value < 100) return (Math.floor(value * 100) / 100).toString();
  return NUMBER_FORMAT.format(value === 0 ? 0 : value);
}

function scale(value: number, units: Scale): Quantity {
  const [smallest] = units;
  if (value === 0) return { value: '0', unit: zeroUnit(units) };
  const rounded = Number(Math.abs(value).toPrecision(DIGITS));
  const [size, unit] = units.findLast(([limit]) => rounded >= limit) ?? smallest!;
  return { value: NUMBER_FORMAT.format(value / size), unit };
}

function zeroUnit(units: Scale): string {
  return units === SECONDS ? 'ms' : units[0]![1];
}

/**
 * Formats a number of things.
 *
 * @example formatCount(1, 'host') // 1 host
 * @example formatCount(1_204, 'host') // 1,204 hosts
 */
export function formatCount(count: number, noun: string): string {
  const hasPlural = count !== 1 && noun !== 'series';
  return `${formatText(count)} ${noun}${hasPlural ? 's' : ''}`;
}

/** A change between two values. */
export interface Change {
  /** For example `+34 %`, `×10.8`, `±0 %`, or `new`. */
  readonly text: string;
  readonly direction: 'up' | 'down' | 'same';
}

/** A change of at most this many percent is shown as no change. */
const SAME_PERCENT = 0.5;
const FACTOR_LIMIT = 3;

/**
 * Describes how a value changed. Changes to more than three times the value are factors.
 *
 * @returns undefined if one of the values is missing
 */
export function formatChange(
  current: number | undefined,
  previous: number | undefined,
): Change | undefined {
  if (current === undefined || previous === undefined) return undefined;
  if (previous === 0) {
    return current === 0 ? { text: '±0 %', direction: 'same' } : { text: 'new', direction: 'up' };
  }
  const percent = (100 * (current - previous)) / Math.abs(previous);
  if (Math.abs(percent) <= SAME_PERCENT) return { text: '±0 %', direction: 'same' };
  const direction = percent > 0 ? 'up' : 'down';
  if (current / previous >= FACTOR_LIMIT) {
    return { text: `×${NUMBER_FORMAT.format(current / previous)}`, direction };
  }
  const digits = Math.abs(percent) < 10 ? 2 : DIGITS;
  const text = `${percent > 0 ? '+' : '−'}${Number(Math.abs(percent).toPrecision(digits))} %`;
  return { text, direction };
}

/**
 * Describes how a percentage changed, in percentage points.
 *
 * @example formatPoints(0.84, 0.23) // { text: '+0.61 points', direction: 'up' }
 */
export function formatPoints(
  current: number | undefined,
  previous: number | undefined,
): Change | undefined {
  if (current === undefined || previous === undefined) return undefined;
  const difference = Number((current - previous).toPrecision(DIGITS));
  if (Math.abs(difference) < 0.005) return { text: '±0 points', direction: 'same' };
  const sign = difference > 0 ? '+' : '−';
  return {
    text: `${sign}${NUMBER_FORMAT.format(Math.abs(difference))} points`,
    direction: difference > 0 ? 'up' : 'down',
  };
}
