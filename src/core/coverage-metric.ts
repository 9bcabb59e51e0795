/**
 * Whether a library is measured in a process: 1 or 0. `endpoint` is the library, `operation` is its version, and `tags`
 * contains the reason if it is not measured. Each process writes these rows after its start, after each change, and
 * every {@link COVERAGE_INTERVAL_MS}.
 */
export const COVERAGE_METRIC = 'perfscope.coverage';

/** Time between the rows of one process, in ms. */
export const COVERAGE_INTERVAL_MS = 10 * 60_000;
