import { createHash } from '../lazy-crypto.ts';
import { redact } from '../redact.ts';
import { parseStackFrame } from '../stack-frame.ts';
import type { ErrorOccurrence } from './error-log-row.ts';

/** Only the innermost frames identify an error. Many errors share the outer frames. */
const MAX_FINGERPRINT_FRAMES = 4;
const MAX_FINGERPRINT_MESSAGE_LENGTH = 300;
const MAX_STACK_LINES = 50;

/**
 * Matches IDs. An ID must contain a digit, so that words with only the letters a to f don't match.
 */
const ID_PATTERN =
  /\b(?:[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}|(?:0x)?(?=[a-f]*\d)[\da-f]{8,})\b/gi;
/** Also matches numbers that `redact` replaced. */
const NUMBER_PATTERN = /\[number\]|\d+(?:[.:]\d+)*/g;

/**
 * Returns the fingerprint of an occurrence. Errors of different services differ. Failed connections to different
 * servers differ too, although their messages and frames can be equal.
 */
export function fingerprintOccurrence(
  { kind, endpoint, error, context }: ErrorOccurrence,
  service: string,
): string {
  const server = kind === 'database' ? String(context?.server ?? '') : '';
  const type = [service, kind, error.type, server].join('\n');
  return computeErrorFingerprint(type, `${endpoint ?? ''} ${error.message}`, error.stack);
}

/** Hashes the parts that are the same when an error repeats: type, message pattern, and frames. */
export function computeErrorFingerprint(
  type: string,
  message: string,
  stack: string | undefined,
): string {
  const parts = [type, normalizeMessage(message), ...getInnermostFrames(stack)];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

/** Replaces the parts of a message that vary: numbers, IDs, and addresses. */
export function normalizeMessage(message: string): string {
  const start = message.slice(0, MAX_FINGERPRINT_MESSAGE_LENGTH * 2).replace(ID_PATTERN, '#');
  return redact(start, MAX_FINGERPRINT_MESSAGE_LENGTH).replace(NUMBER_PATTERN, '#');
}

/** Omits line numbers, so that an edit in a file does not change the fingerprint. */
function getInnermostFrames(stack: string | undefined): string[] {
  if (stack === undefined) return [];
  // The error message comes first. It can be longer than the frames.
  const frames = stack
    .slice(Math.max(stack.indexOf('\n    at '), 0))
    .slice(0, 20_000)
    .split('\n', MAX_STACK_LINES)
    .flatMap((line) => parseStackFrame(line) ?? []);
  const applicationFrames = frames.filter(({ isApplication }) => isApplication);
  // Prefers application frames, because many callers share the frames of a library.
  const relevant = applicationFrames.length > 0 ? applicationFrames : frames;
  return relevant
    .slice(0, MAX_FINGERPRINT_FRAMES)
    .map(({ functionName = '', file }) => `${functionName} ${getPathTail(file)}`);
}

/** Returns the last two parts of a path, which don't depend on the installation folder. */
function getPathTail(file: string): string {
  return file.split(/[\\/]/).slice(-2).join('/');
}
