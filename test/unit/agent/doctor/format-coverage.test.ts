import { expect, it } from 'vitest';
import {
  type ExaminedApplication,
  formatCoverage,
} from '../../../../src/agent/doctor/format-coverage.ts';
import type { LibraryReport } from '../../../../src/agent/doctor/library-report.ts';
import type { LibraryState } from '../../../../src/agent/instrumentation/loading/instrumentation-registry.ts';

const createState = (name: string, more: Partial<LibraryState> = {}): LibraryState => ({
  name,
  version: '1.0.0',
  measured: true,
  reason: undefined,
  ...more,
});
const createReport = (
  libraries: LibraryState[],
  unhookedLibraries: string[] = [],
): LibraryReport => ({
  pid: 1,
  threadId: 0,
  libraries,
  unhookedLibraries,
  isStarted: true,
});
const NOTHING: ExaminedApplication = {
  main: createReport([]),
  others: [],
  declared: [],
  bundled: [],
  timeoutMs: undefined,
};
const MISSING = [
  'The application did not load a library that Perfscope measures.',
  'HTTP, host, and runtime metrics do not need a library.',
];

it.each<[string, Partial<ExaminedApplication>, string[]]>([
  ['nothing', {}, MISSING],
  ['a measured library', { main: createReport([createState('pg')]) }, ['✓ pg 1.0.0']],
  ['an internal package', { main: createReport([createState('pg-pool')]) }, MISSING],
  [
    'an ORM',
    { main: createReport([createState('knex', { through: 'pg' })]) },
    ['✓ knex 1.0.0 (through pg)'],
  ],
  [
    'a library in the main thread and in a worker',
    {
      main: createReport([createState('pg')]),
      others: [createReport([createState('pg'), createState('express')])],
    },
    ['✓ pg 1.0.0', '✓ express 1.0.0 (in a worker process or thread)'],
  ],
  [
    'a library that is partly loaded',
    { main: createReport([createState('pg', { measured: false })]) },
    ['✗ pg 1.0.0: it is only partly loaded'],
  ],
  [
    'a library that was patched for another version',
    {
      main: createReport([
        createState('pg', {
          measured: false,
          reason: 'its internals differ from the supported versions (x)',
        }),
      ]),
    },
    [
      '✗ pg 1.0.0: its internals differ from the supported versions (x). Report a bug with this version.',
    ],
  ],
  [
    'a bundled library that package.json contains',
    { bundled: ['pg'], declared: [{ name: 'pg', version: undefined }] },
    [expect.stringMatching(/^✗ pg is bundled into the script\. .*esbuild: perfscopePlugin/)],
  ],
  [
    'an ES module on Node.js 22.14',
    {
      main: createReport([], ['hono', 'postgres']),
      declared: [
        { name: 'hono', version: '4.0.0' },
        { name: 'postgres', version: undefined },
      ],
    },
    ['✗ hono 4.0.0: it is an ES module, which needs Node.js 22.23, 24.11.1, or newer'],
  ],
  [
    'libraries that are not measured yet, and an unused one',
    {
      main: createReport([
        createState('pg'),
        createState('kafkajs', { measured: false, isSupported: false }),
      ]),
      declared: [
        { name: 'pg', version: '1.0.0' },
        { name: 'bullmq', version: '5.0.0' },
      ],
    },
    ['✓ pg 1.0.0', 'Not measured yet: kafkajs 1.0.0.', 'In package.json, but not loaded: bullmq.'],
  ],
])('describes %s', (_, application, expected) => {
  expect(formatCoverage({ ...NOTHING, ...application })).toEqual(expected);
});
