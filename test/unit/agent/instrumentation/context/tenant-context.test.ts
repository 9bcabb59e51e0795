import { expect, it, vi } from 'vitest';
import {
  bindCallback,
  getCurrentScope,
  getCurrentTenant,
  isLibraryCode,
  runLibraryCode,
  runWithTenant,
} from '../../../../../src/agent/instrumentation/context/tenant-context.ts';

const GRAND = { organizationId: 'grand-hotels' };
const SEASIDE = { organizationId: 'seaside-hotels' };

it('a callback runs in the context in which it was bound, and leaves it afterward', () => {
  const callback = vi.fn(() => getCurrentTenant());
  const [, bound] = runWithTenant(GRAND, () => bindCallback([1, callback], 1));
  const run = bound as (...results: unknown[]) => unknown;
  expect(runWithTenant(SEASIDE, () => [run(null, 2), getCurrentTenant()])).toEqual([
    GRAND,
    SEASIDE,
  ]);
  expect(callback).toHaveBeenCalledWith(null, 2);
});

it('a callback from outside of requests does not run in the context of a request', () => {
  const [bound] = bindCallback([() => getCurrentTenant()], 0);
  expect(runWithTenant(GRAND, bound as () => unknown)).toBeUndefined();
});

it('operations of library code belong to the scope of its caller', () => {
  const scope = runWithTenant(GRAND, getCurrentScope);
  runWithTenant(SEASIDE, () => {
    expect(runLibraryCode(scope, getCurrentTenant)).toBe(GRAND);
    expect(runLibraryCode(undefined, getCurrentTenant)).toBeUndefined();
    expect(() =>
      runLibraryCode(scope, () => {
        throw new Error('fails');
      }),
    ).toThrow('fails');
    expect([isLibraryCode(), getCurrentTenant()]).toEqual([false, SEASIDE]);
  });
});

it('a callback of the application inside library code runs in its own context', () => {
  const [bound] = runWithTenant(SEASIDE, () => bindCallback([() => getCurrentTenant()], 0));
  const scope = runWithTenant(GRAND, getCurrentScope);
  expect(runLibraryCode(scope, () => [(bound as () => unknown)(), isLibraryCode()])).toEqual([
    SEASIDE,
    true,
  ]);
});
