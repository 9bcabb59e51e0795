import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.ts';
import * as unsupported from '../../src/unsupported-library.ts';

describe('the library on an unsupported runtime', () => {
  it('has the same exports', () => {
    expect(Object.keys(unsupported).toSorted()).toEqual(Object.keys(library).toSorted());
  });

  it.each(
    Object.entries({
      performanceMonitoringService: [library, unsupported].map(
        (l) => l.performanceMonitoringService,
      ),
      notificationDirectory: [library, unsupported].map((l) => l.notificationDirectory),
      systemHealthMonitor: [library, unsupported].map((l) => l.systemHealthMonitor),
    }),
  )('has the same properties in %s', (_name, [expected = {}, actual = {}]) => {
    expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
  });

  it('calls wrapped functions with their arguments and `this`', async () => {
    const account = { balance: 5, add: (amount: number) => amount };
    account.add = unsupported.withPerformanceTracking(function (this: { balance: number }, amount) {
      return this.balance + amount;
    } as (amount: number) => number);
    expect(account.add(3)).toBe(8);
    const read = unsupported.protect(function (this: { balance: number }, factor: number) {
      return this.balance * factor;
    });
    expect(await read.call(account, 2)).toBe(10);
    expect(unsupported.withTenant({ organizationId: 'grand' }, () => 7)).toBe(7);
    expect(unsupported.withUrlTemplate('/rooms/{id}', () => 7)).toBe(7);
    expect(unsupported.traceFunction('x', read)).toBe(read);
    expect(unsupported.traceFunction(read)).toBe(read);
    expect(unsupported.traceStep('x', () => 7)).toBe(7);
    expect(unsupported.traced()()).toBeUndefined();
  });

  it('rejects queries with the reason', async () => {
    const { getDashboard } = unsupported.performanceMonitoringService;
    await expect(getDashboard()).rejects.toMatchObject({ code: 'PS_RUNTIME_UNSUPPORTED' });
  });
});
