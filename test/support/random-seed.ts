/** Seed of the CI suite, so that a change fails in CI only because of the change. */
const CI_SEED = 42;

/**
 * Returns the seed of all fast-check properties. The variable `PERFSCOPE_TEST_SEED` can contain a number, or `random`
 * for another seed at each run. Default: 42.
 *
 * @throws Error if the variable contains another value
 */
export function chooseSeed(env: NodeJS.ProcessEnv): number {
  const { PERFSCOPE_TEST_SEED: text = '' } = env;
  if (text === '') return CI_SEED;
  if (text === 'random') return Math.floor(Math.random() * 2 ** 31);
  if (!/^-?\d{1,10}$/.test(text)) {
    throw new Error('PERFSCOPE_TEST_SEED must be a whole number or `random`');
  }
  return Number(text);
}
