/** How a table grows, until its oldest rows are dropped as fast as new ones come. */
export interface Growth {
  readonly bytesPerDay: number;
  /** Days for which it still grows; Infinity without a TTL. */
  readonly forDays: number;
}

/** @returns days until `freeBytes` are used up; undefined when they never are at this rate */
export function daysUntilFull(growths: readonly Growth[], freeBytes: number): number | undefined {
  const ends = [...new Set(growths.map(({ forDays }) => forDays))].sort((a, b) => a - b);
  let left = freeBytes;
  let day = 0;
  for (const end of ends) {
    const perDay = growths
      .filter(({ forDays }) => forDays >= end)
      .reduce((sum, { bytesPerDay }) => sum + bytesPerDay, 0);
    if (perDay > 0 && left <= perDay * (end - day)) return day + left / perDay;
    left -= perDay > 0 ? perDay * (end - day) : 0;
    day = end;
  }
  return undefined;
}
