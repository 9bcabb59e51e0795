import { globSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { compareDurations } from './scripts/suites.mjs';
import { chooseSeed } from './test/support/random-seed.ts';

declare module 'vitest' {
  interface TestTags {
    tags: 'long';
  }
}

/** Starts the longest files first. Without this, vitest uses the durations of its last run, which CI doesn't have. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const path = ({ moduleId }: TestSpecification) => relative(import.meta.dirname, moduleId);
    return (await super.sort(files)).sort((a, b) => compareDurations(path(a), path(b)));
  }
}

/**
 * Folders of pure unit tests. Their files share the modules of one worker, because loading the modules for each file takes
 * most of the time.
 */
const PURE_TESTS = 'test/unit/{cli,client,core,mcp,server,storage,web}/**/*.test.ts';
/** Files that replace modules or globals, or check the loaded modules or the memory of their process. */
const ISOLATED_FILES = globSync(PURE_TESTS).filter((file) =>
  /\bvi\.(mock|doMock|hoisted|resetModules|stub\w+)\b|\bcreateRequire\b|\bmemoryUsage\b/.test(
    readFileSync(file, 'utf8'),
  ),
);

/** Projects ignore the option `--exclude`, so the script of the CI suite sets this variable. */
const excluded = [
  ...configDefaults.exclude,
  ...((process.env.PERFSCOPE_TEST_EXCLUDE || undefined)?.split(',') ?? []),
];

const seed = String(chooseSeed(process.env));
if (process.env.PERFSCOPE_TEST_SEED) console.log(`Seed of the random tests: ${seed}`);

export default defineConfig({
  test: {
    // The list of failures at the end of a log shows the start of each difference.
    diff: { expand: false },
    setupFiles: ['test/support/random-setup.ts'],
    env: { PERFSCOPE_TEST_SEED: seed },
    tags: [{ name: 'long', description: 'Only npm run test:full runs it.', timeout: 7_200_000 }],
    sequence: { sequencer: LongestFirst },
    // Tests poll and continue as soon as a condition is met. The timeouts only end tests that hang, so they
    // are long enough for a busy machine.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    // Twice the cores of a small machine, because many tests wait for servers.
    maxWorkers: 4,
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          include: [PURE_TESTS],
          exclude: [...excluded, ...ISOLATED_FILES],
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'isolated',
          globalSetup: ['test/support/questdb-pool-setup.ts'],
          include: ['test/**/*.test.ts'],
          exclude: [
            ...excluded,
            ...globSync(PURE_TESTS).filter((file) => !ISOLATED_FILES.includes(file)),
          ],
        },
      },
    ],
  },
});
