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

function writeLine(message: string): void {
  try {
    process.stderr.write(`perfscope: ${message}\n`);
  } catch {
    // If stderr is closed, the line is lost. That must not stop the application.
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
