import { createHash } from 'node:crypto';
import { scrub } from '../schema/scrub.ts';

/** Frames that tell one error from another; those further out are the same for many. */
const MOST_FRAMES = 4;
const MOST_MESSAGE = 300;
const MOST_LINES = 50;

/** Ids: with a digit in them, so that a word of the letters a to f stays. */
const IDS = /\b(?:[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}|(?:0x)?(?=[a-f]*\d)[\da-f]{8,})\b/gi;
/** Also those that `scrub` has blanked. */
const NUMBERS = /\[number\]|\d+(?:[.:]\d+)*/g;

/** A line of V8's stack: `at fn (file:line:column)` or `at file:line:column`. */
const FRAME = /^\s*at (?:(.*?) \()?(?:file:\/\/)?(.*?):\d+:\d+\)?$/;

/** What stays the same when an error comes again: its type, its message's form and where it began. */
export function fingerprintOf(type: string, message: string, stack: string | undefined): string {
  const parts = [type, formOf(message), ...framesOf(stack)];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

/** Without what differs each time: numbers, ids, addresses. */
export function formOf(message: string): string {
  const known = message.slice(0, MOST_MESSAGE * 2).replace(IDS, '#');
  return scrub(known, MOST_MESSAGE).replace(NUMBERS, '#');
}

/** The innermost frames, without lines: an edit above them does not make another error. */
function framesOf(stack: string | undefined): string[] {
  if (stack === undefined) return [];
  const frames = stack
    .slice(0, 20_000)
    .split('\n', MOST_LINES)
    .flatMap((line) => {
      const found = FRAME.exec(line);
      return found ? [{ name: found[1] ?? '', file: found[2]! }] : [];
    });
  const isOwn = ({ file }: { file: string }) => !/^node:|node_modules/.test(file);
  // The application's own frames, where there are any: a library may have called it from anywhere.
  const wanted = frames.some(isOwn) ? frames.filter(isOwn) : frames;
  return wanted.slice(0, MOST_FRAMES).map(({ name, file }) => `${name} ${tailOf(file)}`);
}

/** The last two names of a path, which are the same wherever it is installed. */
function tailOf(file: string): string {
  return file.split(/[\\/]/).slice(-2).join('/');
}
