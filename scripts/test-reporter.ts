import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

/** What {@link TestReporter} writes, as JSON. */
export interface TestReport {
  readonly passed: number;
  /** Number of tests with the tag `long` that were not run. */
  readonly skippedLong: number;
  readonly failures: readonly TestFailure[];
}

/** A failed test, or a file or run that failed outside of its tests. */
export interface TestFailure {
  /** For example `test/e2e/demo.test.ts > starts`. */
  readonly title: string;
  /** For each error, its message, the difference between the compared values, and its stack. */
  readonly errors: readonly string[];
}

/**
 * Reporter of vitest that writes a {@link TestReport} to the file in the environment variable
 * `PERFSCOPE_TEST_REPORT`. Unlike vitest's JSON reporter, it includes differences and unhandled errors.
 */
export default class TestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const report: TestReport = {
      passed: tests.filter((test) => test.result().state === 'passed').length,
      skippedLong: tests.filter(isSkippedLongTest).length,
      failures: [
        ...modules.flatMap(listFailures),
        ...(unhandled.length > 0 ? [toFailure('unhandled errors', unhandled)] : []),
      ],
    };
    writeFileSync(process.env.PERFSCOPE_TEST_REPORT!, JSON.stringify(report));
  }
}

function isSkippedLongTest(test: TestCase): boolean {
  return test.tags.includes('long') && test.result().state === 'skipped';
}

function listFailures(module: TestModule): TestFailure[] {
  const file = relative(process.cwd(), module.moduleId);
  const tests = [...module.children.allTests('failed')].map((test) =>
    toFailure(`${file} > ${test.fullName}`, test.result().errors ?? []),
  );
  const suites = [module, ...module.children.allSuites()];
  const errors = suites.flatMap((suite) => suite.errors());
  if (errors.length > 0) return [...tests, toFailure(file, errors)];
  return module.state() === 'failed' && tests.length === 0 ? [toFailure(file, [])] : tests;
}

function toFailure(title: string, errors: readonly SerializedError[]): TestFailure {
  return {
    title,
    // The cause of a crashed worker contains its file.
    errors: errors.map(({ message, cause, diff, stack = '' }) =>
      stripVTControlCharacters(
        [message, cause?.message, diff, stack.replace(message, '')].filter(Boolean).join('\n'),
      ),
    ),
  };
}
