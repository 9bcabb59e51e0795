/** Where parts report what they notice. The server gives pino, an instrumented service its stderr. */
export interface Logger {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** A log for code that runs inside somebody's application: one line on stderr, warnings only. */
export const stderrLogger: Logger = {
  info: () => {},
  warn: (message) => writeLine(message),
  error: (message) => writeLine(message),
};

function writeLine(message: string): void {
  try {
    process.stderr.write(`perfscope: ${message}\n`);
  } catch {
    // A closed stderr is the application's business; a lost line of ours must not end it.
  }
}

/** Lets each `kind` through once, so that a fault that repeats does not fill the log. */
export function createWarnOnce(log: Logger): (kind: string, message: string) => void {
  const said = new Set<string>();
  return (kind, message) => {
    if (said.has(kind)) return;
    said.add(kind);
    log.warn(message);
  };
}
