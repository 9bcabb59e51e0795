import { cacheableResultsDetector } from './cacheable-results.ts';
import { chattyTransactionDetector } from './chatty-transaction.ts';
import { connectionLeakDetector } from './connection-leak.ts';
import type { Detector } from './detector.ts';
import { eventLoopBlockDetector } from './event-loop-block.ts';
import { gcPressureDetector } from './gc-pressure.ts';
import { failsFirstDetector, noBackoffDetector } from './job-retries.ts';
import { missingLimitDetector } from './missing-limit.ts';
import { nPlusOneDetector } from './n-plus-one.ts';
import { poolTooSmallDetector } from './pool-too-small.ts';
import { tooFewWorkersDetector, tooManyWorkersDetector } from './queue-workers.ts';
import { slowStatementDetector } from './slow-statement.ts';
import { slowTableDetector } from './slow-table.ts';
import { slowTenantDetector } from './slow-tenant.ts';

/** All detectors. docs/suggestions.md has a section for each. */
export const DETECTORS: readonly Detector[] = [
  nPlusOneDetector,
  slowStatementDetector,
  slowTableDetector,
  missingLimitDetector,
  poolTooSmallDetector,
  connectionLeakDetector,
  chattyTransactionDetector,
  tooFewWorkersDetector,
  tooManyWorkersDetector,
  failsFirstDetector,
  noBackoffDetector,
  cacheableResultsDetector,
  eventLoopBlockDetector,
  gcPressureDetector,
  slowTenantDetector,
];
