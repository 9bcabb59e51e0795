/** `1.4 GB`: a size in bytes for people. */
export function bytesSaid(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `3 m`, `2 h`, `5 d`: a length of time for people. */
export function durationSaid(ms: number): string {
  const steps = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'm'],
    [1000, 's'],
  ] as const;
  const [unitMs, unit] = steps.find(([each]) => Math.abs(ms) >= each) ?? [1, 'ms'];
  return `${Math.round(ms / unitMs)} ${unit}`;
}

/** Three digits of a figure; `–` where there is none. */
export function figureSaid(value: number | undefined, unit = ''): string {
  if (value === undefined) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit}`;
}
