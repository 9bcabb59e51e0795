import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../src/config/settings.ts';

describe('parseSettings', () => {
  it('takes the defaults of the contract', () => {
    const { settings, problems } = parseSettings({});
    expect(problems).toEqual([]);
    expect(settings.PERFORMANCE_BUFFER_SIZE).toBe(100);
    expect(settings.PERFORMANCE_FLUSH_INTERVAL).toBe(30_000);
    expect(settings.exportIntervalMs).toBe(30_000);
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('names an unknown variable and the nearest known one', () => {
    const [problem] = parseSettings({ PERFORMANCE_BUFER_SIZE: '3' }).problems;
    expect(problem?.code).toBe('PS_CONFIG_UNKNOWN');
    expect(problem?.message).toContain('PERFORMANCE_BUFFER_SIZE');
  });

  it('names an invalid value and what is allowed, and works on with the default', () => {
    const { settings, problems } = parseSettings({ PERFORMANCE_RETENTION_DAYS: 'soon' });
    expect(problems[0]?.message).toMatch(/PERFORMANCE_RETENTION_DAYS=soon .*from 1 to 3650/);
    expect(settings.PERFORMANCE_RETENTION_DAYS).toBe(30);
  });
});
