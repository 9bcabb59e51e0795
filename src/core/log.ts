import { writeSync } from 'node:fs';
import { isMainProcess } from './config/main-process.ts';

const STDERR = 2;

/** Receives log messages. The server uses pino, and the agent uses stderr. */
export interface Logger {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /**
   * Logs a message even if the other methods of this logger log nothing in this process. Undefined if
   * they log their messages.
   */
  readonly unmuted?: Pick<Logger, 'warn'> | undefined;
}

/**
 * Logs to stderr, one line each. For code that runs in the user's application. Child processes and
 * worker threads log only totals of lost rows, because other lines would repeat the lines of the
 * application. Information is logged only on a terminal, so the application's output is the same as
 * without the agent. Warnings are for lost data.
 */
export const stderrLogger: Logger = {
  get unmuted() {
    return isMainProcess() ? undefined : commandLogger;
  },
  info: (message) => {
    if (isMainProcess() && isTerminal()) writeLine(message);
  },
  warn: (message) => {
    if (isMainProcess()) writeLine(message);
  },
  error: (message) => {
    if (isMainProcess()) writeLine(message);
  },
};

/** Logs warnings and errors to stderr, one line each. For commands. */
export const commandLogger: Logger = {
  info: () => {},
  warn: (message) => writeLine(message),
  error: (message) => writeLine(message),
};

/** Loads `node:tty` on demand. Reading `process.stderr` would create the application's stream. */
function isTerminal(): boolean {
  try {
    return process.getBuiltinModule('node:tty').isatty(STDERR);
  } catch {
    return false;
  }
}

/**
 * Writes to the file descriptor. `process.stderr` would report a closed pipe or a full disk as an
 * `error` event, which ends the process.
 */
function writeLine(message: string): void {
  try {
    writeSync(STDERR, `perfscope: ${message}\n`);
  } catch {
    // The line is lost. That must not stop the application.
  }
}

/**
 * Returns a function that logs each `kind` only once, so that repeated failures don't fill the log. The
 * function returns whether it has logged the message.
 */
export function createWarnOnce(
  log: Logger,
): (kind: string, message: string | (() => string)) => boolean {
  const loggedKinds = new Set<string>();
  return (kind, message) => {
    if (loggedKinds.has(kind)) return false;
    loggedKinds.add(kind);
    log.warn(typeof message === 'string' ? message : message());
    return log.unmuted === undefined;
  };
}
