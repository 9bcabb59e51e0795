import { swallowErrors, wrapMethod } from '../instrumentation/method-patching.ts';

/** An error that nobody has caught. */
export interface ProcessError {
  readonly kind: 'uncaught' | 'rejection';
  /** Whether the process ends of it. */
  readonly fatal: boolean;
  readonly thrown: unknown;
}

/**
 * Hears of uncaught exceptions and unhandled rejections, and leaves what they do as it is. A listener
 * for either would keep the process alive; the monitor's event does not, and rejections are heard
 * where the process tells its own listeners of them, whether there are any or not.
 *
 * Which of the two comes first, and whether the other follows, depends on `--unhandled-rejections`:
 * by default a rejection without listeners is raised as an exception right after it was emitted,
 * with `strict` before it, and with `warn` and `none` never.
 */
export function captureProcessErrors(onError: (error: ProcessError) => void): void {
  const tell = swallowErrors(onError);
  /** Emitted to nobody: in this turn it is raised, or never. */
  let emitted: { readonly thrown: unknown } | undefined;
  /** Raised, and told, before it is emitted. */
  let raised = false;

  process.on('uncaughtExceptionMonitor', (thrown, origin) => {
    const fatal = process.listenerCount('uncaughtException') === 0;
    if (origin !== 'unhandledRejection') return tell({ kind: 'uncaught', fatal, thrown });
    raised = emitted === undefined;
    // What is no error arrives here inside one of Node's.
    tell({ kind: 'rejection', fatal, thrown: emitted ? emitted.thrown : thrown });
    emitted = undefined;
  });

  /** What was emitted has not been raised. */
  const pass = () => {
    if (emitted) tell({ kind: 'rejection', fatal: false, thrown: emitted.thrown });
    emitted = undefined;
  };
  const heard = (thrown: unknown) => {
    const known = raised;
    raised = false;
    if (known) return;
    if (process.listenerCount('unhandledRejection') > 0) {
      return tell({ kind: 'rejection', fatal: false, thrown });
    }
    pass();
    emitted = { thrown };
    process.nextTick(pass);
  };
  wrapMethod(process, 'emit', (original) => {
    return function emit(this: unknown, ...args: unknown[]) {
      if (args[0] === 'unhandledRejection') heard(args[1]);
      return original.apply(this, args);
    };
  });
}
