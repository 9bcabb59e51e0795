// `perfscope doctor` loads this module into each process and thread of the application that it checks. This module
// writes no rows.
import { subscribe } from 'node:diagnostics_channel';
import { threadId } from 'node:worker_threads';
import { guard } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import { registerAgent } from '../register-agent.ts';
import { getSharedAgent } from '../shared-agent.ts';
import { REPORT_FOLDER_KEY, writeLibraryReport } from './library-report.ts';

/** What fails, for {@link guard}. */
const PART = 'the report for doctor';
/** Time for the application to load its libraries. */
const START_DELAY_MS = 3000;

registerAgent({ dryRun: true });
let isStarted = false;
let usedPort: number | undefined;
// Synchronous, because an application can load its libraries without ever returning to the event loop.
const report = guard(PART, writeReport);
report();
getSharedAgent().watchLibraries(report);
subscribe(
  'tracing:net.server.listen:error',
  guard(PART, (message) => {
    const { error } = message as { error?: { code?: unknown; port?: unknown } };
    if (error?.code !== 'EADDRINUSE' || typeof error.port !== 'number') return;
    usedPort = error.port;
    writeReport();
  }),
);
startTimeout(
  PART,
  () => {
    isStarted = true;
    report();
  },
  START_DELAY_MS,
);

function writeReport(): void {
  const folder = (globalThis as Record<symbol, unknown>)[Symbol.for(REPORT_FOLDER_KEY)];
  if (typeof folder !== 'string') return;
  const { loadedLibraries: libraries, unhookedLibraries } = getSharedAgent();
  writeLibraryReport(folder, {
    pid: process.pid,
    threadId,
    libraries,
    unhookedLibraries,
    isStarted,
    usedPort,
  });
}
