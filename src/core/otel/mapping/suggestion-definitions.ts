import { REPEATED_STATEMENTS_METRIC_NAME } from '../../request-breakdown.ts';
import { PerformanceMetricType } from '../../schema/enums.ts';
import {
  EVENT_LOOP_BLOCK_METRIC_NAME,
  HELD_CONNECTIONS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../suggestion-metrics.ts';

const type = PerformanceMetricType.CUSTOM;
const CALLER = ['perfscope.caller'];

/** How metrics that support suggestions are stored. The others have the default columns. */
export const SUGGESTION_METRICS = {
  [REPEATED_STATEMENTS_METRIC_NAME]: {
    type,
    dimensions: { endpoint: ['http.route'], operation: ['db.query.text'] },
  },
  [TRANSACTION_STATEMENTS_METRIC_NAME]: {
    type,
    dimensions: { endpoint: CALLER, operation: ['db.query.text'] },
  },
  [HELD_CONNECTIONS_METRIC_NAME]: { type, dimensions: { operation: CALLER } },
  [EVENT_LOOP_BLOCK_METRIC_NAME]: { type, dimensions: { endpoint: CALLER } },
} as const;
