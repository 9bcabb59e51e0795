import { defineConfig } from 'vitest/config';
import { chooseSeed } from './test/support/random-seed.ts';

const seed = String(chooseSeed(process.env));
if (process.env.TEST_SEED) console.log(`Seed of the random tests: ${seed}`);

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/random-setup.ts'],
    env: { TEST_SEED: seed },
    // Tests poll and continue as soon as a condition is met. The timeouts only end tests that hang, so they
    // are long enough for a busy machine.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    maxWorkers: 2,
  },
});
