// Names the parts of the checks that `npm test` runs. `npm run test:full` runs everything.

/**
 * Paths of the tests that `npm test` also runs on Node 22. They test the code that runs in an application, and check
 * that Perfscope doesn't affect the application.
 */
export const NODE_22_TESTS = [
  'test/unit/agent',
  'test/unit/client',
  'test/unit/core',
  'test/unit/storage',
  'test/unit/library-arguments.test.ts',
  'test/unit/unsupported-library.test.ts',
  'test/unit/unsupported-opentelemetry.test.ts',
  'test/host-safety',
  'test/e2e/transparent-instrumentation.test.ts',
  'test/e2e/crashes.test.ts',
  'test/e2e/exit.test.ts',
];

/**
 * Tests in `NODE_22_TESTS` that `npm test` runs only on the newest version. Either they start applications on Node 22
 * themselves, or they test code that runs only in the server, or they measure memory. The others run the same code with
 * many faults or libraries, and other tests run it on Node 22. `npm run test:full` runs all of them.
 */
export const NODE_22_EXCLUDED = [
  'test/host-safety/http-bad-input.test.ts',
  'test/host-safety/database-bad-input.test.ts',
  'test/host-safety/brokers.test.ts',
  'test/host-safety/sql-queues.test.ts',
  'test/host-safety/agenda.test.ts',
  'test/unit/agent/doctor/bundled-messages.test.ts',
  'test/unit/agent/error-tracking/error-tracker.test.ts',
  'test/unit/agent/instrumentation/databases/database-recorder.test.ts',
  'test/unit/agent/instrumentation/queues/message-cardinality.test.ts',
  'test/unit/agent/instrumentation/queues/sql-queue-cardinality.test.ts',
  'test/unit/agent/record/dimension-limits.test.ts',
  'test/unit/core/statistics/**',
  'test/unit/storage/queries/**',
  'test/unit/storage/spool/spool-faults.test.ts',
  'test/unit/storage/sql/**',
];

/** Paths of the tests that `npm run test:full` runs on Node 22 and 24. */
export const OLDER_NODE_TESTS = [
  'test/unit',
  'test/host-safety',
  'test/e2e/transparent-instrumentation.test.ts',
  'test/e2e/crashes.test.ts',
  'test/e2e/exit.test.ts',
];

/** Benchmarks that are run once in quick mode. The end-to-end tests cover the rest of `start`. */
export const QUICK_BENCHES = [
  'write',
  'record',
  'overhead',
  'library-overhead',
  'agent-start',
  'exit',
];

/**
 * The test files that take longest, with the longest first. They start first, so that the last worker doesn't run alone
 * for long. The first file has only long tests, so it takes no time in `npm test`.
 */
export const LONGEST_FILES = [
  'test/e2e/demo-alerts.test.ts',
  'test/host-safety/http-bad-input.test.ts',
  'test/e2e/nextjs.test.ts',
  'test/e2e/web-ui-access.test.ts',
  'test/e2e/web-ui.test.ts',
  'test/e2e/doc-commands.test.ts',
  'test/e2e/actions.test.ts',
  'test/e2e/collector-outage.test.ts',
  'test/e2e/otlp-languages.test.ts',
  'test/e2e/demo.test.ts',
  'test/integration/server/alerts/alert-states.test.ts',
  'test/integration/server/api/hostile-input.test.ts',
  'test/e2e/unregistered-names.test.ts',
  'test/e2e/kafka.test.ts',
  'test/e2e/rabbitmq.test.ts',
  'test/host-safety/brokers.test.ts',
  'test/e2e/alert-scenarios.test.ts',
  'test/integration/server/alerts/alert-thresholds.test.ts',
  'test/e2e/two-servers.test.ts',
  'test/integration/grafana/dashboard-queries.test.ts',
  'test/e2e/sql-cookbook.test.ts',
  'test/e2e/server-exit.test.ts',
  'test/e2e/installed-server.test.ts',
  'test/integration/grafana/grafana-push.test.ts',
  'test/e2e/low-disk.test.ts',
  'test/integration/storage/write/spool-sender.test.ts',
  'test/e2e/cli-commands.test.ts',
  'test/e2e/backup.test.ts',
  'test/integration/storage/migrations/replaced-rollups.test.ts',
  'test/integration/server/api/api.test.ts',
  'test/integration/server/notifications/alertmanager-channel.test.ts',
  'test/integration/server/api/tenant-isolation.test.ts',
  'test/e2e/questdb-outage.test.ts',
  'test/e2e/version-matrix.test.ts',
  'test/integration/storage/queries/rollups.test.ts',
  'test/integration/project/release.test.ts',
  'test/e2e/notifications.test.ts',
  'test/e2e/specification-examples.test.ts',
  'test/integration/storage/queries/rolling-windows.test.ts',
  'test/integration/grafana/dashboard-figures.test.ts',
];

/**
 * Compares two test files. The files in `LONGEST_FILES` are first, in its order. All others are equal.
 *
 * @param {string} a path of a file
 * @param {string} b
 * @returns {number} negative if `a` is first
 */
export function compareDurations(a, b) {
  const [first, second] = [a, b].map((path) => LONGEST_FILES.indexOf(path));
  return (
    (first === -1 ? LONGEST_FILES.length : first) - (second === -1 ? LONGEST_FILES.length : second)
  );
}
