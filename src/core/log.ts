import { writeSync } from 'node:fs';

const STDERR = 2;

/** Receives log messages. The server uses pino, and the agent uses stderr. */
export interface Logger {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/**
 * Logs warnings and errors to stderr, one line each. For code that runs in the user's application.
 */
export const stderrLogger: Logger = {
  info: () => {},
  warn: (message) => writeLine(message),
  error: (message) => writeLine(message),
};

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
 * Returns a function that logs each `kind` only once, so that repeated failures don't fill the log.
 */
export function createWarnOnce(log: Logger): (kind: string, message: string) => void {
  const loggedKinds = new Set<string>();
  return (kind, message) => {
    if (loggedKinds.has(kind)) return;
    loggedKinds.add(kind);
    log.warn(message);
  };
}
