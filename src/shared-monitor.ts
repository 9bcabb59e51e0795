import { readEnvironment } from './config/environment.ts';
import { stderrLog } from './log.ts';
import { Monitor } from './monitor.ts';

const KEY = Symbol.for('perfscope.monitor');
const shared = globalThis as { [KEY]?: Monitor };

/**
 * The process' one monitor, made when it is first asked for. Shared through the global object,
 * because `register` and the application may load two copies of the package.
 */
export function sharedMonitor(): Monitor {
  shared[KEY] ??= create();
  return shared[KEY];
}

export function shareMonitor(monitor: Monitor): void {
  shared[KEY] = monitor;
}

function create(): Monitor {
  const started = readEnvironment();
  for (const problem of started.problems) stderrLog.warn(problem.message);
  return new Monitor({ started, log: stderrLog });
}
