import { copyText } from '../../../../core/copy-text.ts';
import type { DatabaseCommand } from '../database-recorder.ts';

/** Value of `db.system.name`. */
export const REDIS = 'redis';

/** A Redis command without its arguments. */
export interface RedisCommand extends DatabaseCommand {
  /** Whether the server can wait before it replies, for example until a list has an element. */
  readonly blocking: 'always' | 'with BLOCK' | 'never';
}

/** Maximum number of distinct commands. Redis with all modules has about 500. */
const MAX_COMMANDS = 600;
/** Names of commands, such as `GET` or `JSON.SET`. */
const COMMAND_NAME = /^[A-Z][A-Z0-9._-]{0,39}$/;
const OTHER_COMMAND = '_OTHER';

const BLOCKING_COMMANDS = new Set([
  ...['BLMOVE', 'BLMOVEM', 'BLMPOP', 'BLPOP', 'BRPOP', 'BRPOPLPUSH'],
  ...['BZMPOP', 'BZPOPMAX', 'BZPOPMIN', 'WAIT', 'WAITAOF'],
  // These connections receive messages from then on.
  ...['MONITOR', 'PSUBSCRIBE', 'PSYNC', 'PUNSUBSCRIBE', 'SSUBSCRIBE', 'SUBSCRIBE'],
  ...['SUNSUBSCRIBE', 'SYNC', 'UNSUBSCRIBE'],
]);
const COMMANDS_WITH_BLOCK_OPTION = new Set(['XREAD', 'XREADGROUP']);

/** Commands by the name that the application used, in any case. */
const commands = new Map<string, RedisCommand>();

/** Returns a command by its name in any case. Names that can't be a command's share one entry. */
export function getRedisCommand(name: string): RedisCommand {
  return commands.get(name) ?? addCommand(name);
}

function addCommand(name: string): RedisCommand {
  const upper = copyText(name.toUpperCase());
  const isKnown = COMMAND_NAME.test(upper) && commands.size < MAX_COMMANDS;
  const text = isKnown ? upper : OTHER_COMMAND;
  const command: RedisCommand = {
    system: REDIS,
    text,
    operation: text,
    table: undefined,
    blocking: getBlocking(upper),
  };
  if (isKnown) commands.set(copyText(name), command);
  return command;
}

function getBlocking(name: string): RedisCommand['blocking'] {
  if (BLOCKING_COMMANDS.has(name)) return 'always';
  return COMMANDS_WITH_BLOCK_OPTION.has(name) ? 'with BLOCK' : 'never';
}

/**
 * Whether a command can wait on the server. The duration of such a command says nothing about Redis, so it is not
 * recorded.
 *
 * @param args arguments, with or without the command's name
 */
export function isBlockingCommand({ blocking }: RedisCommand, args: readonly unknown[]): boolean {
  if (blocking === 'never') return false;
  return blocking === 'always' || hasBlockOption(args);
}

/** Returns the text of an argument. Other types than text and buffers can have a `toString` that throws. */
export function readText(arg: unknown): string | undefined {
  if (typeof arg === 'string') return arg;
  return Buffer.isBuffer(arg) ? arg.toString() : undefined;
}

/** `BLOCK` comes before `STREAMS`, which is followed by keys. */
function hasBlockOption(args: readonly unknown[]): boolean {
  for (const arg of args) {
    const text = readText(arg)?.toUpperCase();
    if (text === 'BLOCK') return true;
    if (text === 'STREAMS') return false;
  }
  return false;
}
