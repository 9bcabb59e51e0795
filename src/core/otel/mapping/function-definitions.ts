import { PerformanceMetricType } from '../../schema/enums.ts';

const { CUSTOM } = PerformanceMetricType;
const BY_TRIGGER = { type: CUSTOM, dimensions: { operation: ['faas.trigger'] } } as const;

/** Metrics of serverless functions, and of the functions that an application traces. */
export const FUNCTION_METRICS = {
  'faas.invoke_duration': BY_TRIGGER,
  'faas.init_duration': BY_TRIGGER,
  'faas.cpu_usage': BY_TRIGGER,
  'faas.mem_usage': BY_TRIGGER,
  'faas.coldstarts': BY_TRIGGER,
  'faas.invocations': BY_TRIGGER,
  'faas.errors': BY_TRIGGER,
  'faas.timeouts': BY_TRIGGER,
  'perfscope.function.duration': {
    type: CUSTOM,
    dimensions: { operation: ['code.function.name'] },
  },
} as const;
