import { expect, it } from 'vitest';
import { runMeasuredProgram } from '../support/measured-program.ts';

const FAILURES = [
  'plain code',
  'withTenant',
  'withUrlTemplate',
  'withPerformanceTracking',
  'a tracked generator',
  'traceFunction',
  'traceStep',
  'a query of pg',
];

it.concurrent.each(FAILURES)(
  'Node.js prints the source line of an uncaught error in %s',
  async (failure) => {
    const { exit, output } = await runMeasuredProgram('test/apps/uncaught-error.cjs', {
      args: [failure],
    });
    expect(exit).toBe(1);
    const [file, line] = output.split('\n').filter((each) => !each.startsWith('perfscope'));
    expect(file).toMatch(/uncaught-error\.cjs:\d+$/);
    expect(line).toBe("  throw new Error('not caught');");
  },
);
