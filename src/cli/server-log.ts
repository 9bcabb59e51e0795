import type { Logger } from '../core/log.ts';

/** Creates the log of the server: plain lines if stderr is a terminal, otherwise JSON lines of pino. */
export async function createServerLog(isTerminal = process.stderr.isTTY === true): Promise<Logger> {
  return isTerminal ? createTerminalLog() : createPinoLog();
}

function createTerminalLog(): Logger {
  const write = (level: string, message: string, fields?: Record<string, unknown>) => {
    process.stderr.write(`${formatTerminalLine(level, message, fields)}\n`);
  };
  return {
    info: (message, fields) => write('', message, fields),
    warn: (message, fields) => write('warning: ', message, fields),
    error: (message, fields) => write('error: ', message, fields),
  };
}

function formatTerminalLine(
  level: string,
  message: string,
  fields: Record<string, unknown> = {},
): string {
  const details = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
  // Stored names can contain control characters, which could send commands to the terminal.
  return `perfscope: ${level}${message}${details}`.replaceAll(/\p{Cc}/gu, '·');
}

async function createPinoLog(): Promise<Logger> {
  const { pino } = await import('pino');
  const destination = pino.destination({ fd: 2, sync: true });
  // A closed pipe or a full disk must not end the server.
  destination.on('error', () => {});
  const logger = pino({ base: undefined }, destination);
  return {
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}
