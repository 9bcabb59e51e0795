import { describe, expect, it } from 'vitest';
import { type Measurement, validateMeasurement } from '../../../../src/agent/record/measurement.ts';
import { DAY_MS } from '../../../../src/core/duration.ts';

const NOW = Date.UTC(2026, 0, 15);
const RETENTION = 30 * DAY_MS;
const good: Measurement = { name: 'x', value: 1 };

describe('check', () => {
  it.each([
    ['a value that is no number', { ...good, value: Number.NaN }, 'value'],
    ['no name', { value: 1 } as Measurement, 'name'],
    ['the year 2100', { ...good, timestamp: Date.UTC(2100, 0, 1) }, 'timestamp'],
    ['a time before the retention', { ...good, timestamp: NOW - RETENTION - 1 }, 'timestamp'],
    ['tags of 10 MB', { ...good, tags: { a: 'x'.repeat(10_000_000) } }, 'tags'],
    ['an unknown type', { ...good, type: 'SPEED' as 'CUSTOM' }, 'metricType'],
  ])('refuses %s', (_what, measurement, field) => {
    const result = validateMeasurement(measurement, NOW, RETENTION);
    expect(result).toMatchObject({ code: 'PS_ROW_INVALID', params: { field } });
  });

  it('takes emoji and quotes as they are', () => {
    const tags = { hotel: `"L'été" 🏨` };
    const result = validateMeasurement({ ...good, tags }, NOW, RETENTION);
    expect(result).toMatchObject({ tags: JSON.stringify(tags), unit: '1', timestampMs: NOW });
  });
});
