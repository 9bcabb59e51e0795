import { guard } from '../../core/guard.ts';
import { startNextTick } from '../../core/guarded-timers.ts';
import { handleProcessEvent } from './process-events.ts';

/** An uncaught exception or an unhandled rejection. */
export interface ProcessError {
  readonly kind: 'uncaught' | 'rejection';
  /** Whether the error ends the process. */
  readonly fatal: boolean;
  readonly thrown: unknown;
}

/**
 * Reports uncaught exceptions and unhandled rejections. The process still handles them as before. A
 * listener for `uncaughtException` or `unhandledRejection` would keep the process alive, so this
 * function adds none.
 *
 * The order of the two events for a rejection depends on `--unhandled-rejections`. Each rejection
 * is reported once:
 * - `throw` (default): emitted first. Without a listener, it is then raised as an exception.
 * - `strict`: raised as an exception first, then emitted.
 * - `warn` and `none`: only emitted.
 */
export function captureProcessErrors(onError: (error: ProcessError) => void): void {
  const report = guard('the error tracking', onError);
  /**
   * A rejection emitted without a listener. It is raised in the same turn of the event loop, or not
   * at all.
   */
  let emitted: { readonly thrown: unknown } | undefined;
  /** Whether a rejection was raised and reported before it is emitted. */
  let isRaisedFirst = false;

  handleProcessEvent('uncaughtExceptionMonitor', ([thrown, origin]) => {
    const fatal = process.listenerCount('uncaughtException') === 0;
    if (origin !== 'unhandledRejection') {
      report({ kind: 'uncaught', fatal, thrown });
      return;
    }
    isRaisedFirst = emitted === undefined;
    // Node.js wraps reasons that are not errors, so the emitted value is preferred.
    report({ kind: 'rejection', fatal, thrown: emitted ? emitted.thrown : thrown });
    emitted = undefined;
  });

  /** Reports an emitted rejection that was not raised. */
  const reportEmitted = () => {
    if (emitted) report({ kind: 'rejection', fatal: false, thrown: emitted.thrown });
    emitted = undefined;
  };
  handleProcessEvent('unhandledRejection', ([thrown]) => {
    const isReported = isRaisedFirst;
    isRaisedFirst = false;
    if (isReported) return;
    if (process.listenerCount('unhandledRejection') > 0) {
      report({ kind: 'rejection', fatal: false, thrown });
      return;
    }
    reportEmitted();
    emitted = { thrown };
    startNextTick('the error tracking', reportEmitted);
  });
}
