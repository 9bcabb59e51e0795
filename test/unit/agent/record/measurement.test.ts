import { describe, expect, it } from 'vitest';
import { type Measurement, validateMeasurement } from '../../../../src/agent/record/measurement.ts';
import { DAY_MS } from '../../../../src/core/duration.ts';

const NOW = Date.UTC(2026, 0, 15);
const good: Measurement = { name: 'x', value: 1 };

describe('validateMeasurement', () => {
  it.each([
    ['a value that is not a number', { ...good, value: Number.NaN }, 'value'],
    ['a missing name', { value: 1 } as Measurement, 'name'],
    ['a timestamp in the year 2100', { ...good, timestamp: Date.UTC(2100, 0, 1) }, 'timestamp'],
    ['a timestamp before 1970', { ...good, timestamp: -1 }, 'timestamp'],
    ['tags of 10 MB', { ...good, tags: { a: 'x'.repeat(10_000_000) } }, 'tags'],
    ['an unknown type', { ...good, type: 'SPEED' as 'CUSTOM' }, 'metricType'],
  ])('rejects %s', (_description, measurement, field) => {
    const result = validateMeasurement(measurement, NOW);
    expect(result).toMatchObject({ code: 'PS_ROW_INVALID', params: { field } });
  });

  it('accepts old timestamps, because the clock of QuestDB decides', () => {
    const timestamp = NOW - 60 * DAY_MS;
    const result = validateMeasurement({ ...good, timestamp }, NOW);
    expect(result).toMatchObject({ timestampMs: timestamp });
  });

  it('keeps emoji and quotes', () => {
    const tags = { hotel: `"L'été" 🏨` };
    const result = validateMeasurement({ ...good, tags }, NOW);
    expect(result).toMatchObject({ tags: JSON.stringify(tags), unit: '1', timestampMs: NOW });
  });
});
