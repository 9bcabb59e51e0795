import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../schema/format.ts';

/** Filters of numbers: `humanizeDuration` takes ms, `humanizePercentage` percent. */
export const NUMBER_FILTERS: Readonly<Record<string, (value: number) => string>> = {
  humanize: formatNumber,
  humanizeDuration: formatDuration,
  humanizePercentage: formatPercent,
  humanizeBytes: formatBytes,
};

export const TEXT_FILTERS: Readonly<Record<string, (value: string) => string>> = {
  toUpper: (value) => value.toUpperCase(),
  toLower: (value) => value.toLowerCase(),
};
