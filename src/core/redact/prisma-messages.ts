/** Matches the first line of a Prisma error, such as: Invalid `prisma.user.create()` invocation in */
const INVOCATION = /(?:Invalid|It occurred in the) `[^`\n]{1,300}` invocation(?::| in\n[^\n]*)\n/g;
/** Matches a numbered line of the application's source code. An arrow marks the call. */
const SOURCE_LINE = /^(?:→|[ ])? *\d+(?: |$)/;
const ARGUMENTS_START = /^ *(?!\[[a-z ]+\])[{[("'`]/;
const FRAME = /^ {4}at /;

/**
 * Replaces the source code and the arguments in Prisma errors, because arguments contain data of
 * users. The method, the position, and the explanation at the end are kept.
 */
export function removePrismaSource(text: string): string {
  let result = '';
  let position = 0;
  for (const { 0: heading, index } of text.matchAll(INVOCATION)) {
    const start = index + heading.length;
    if (start < position) continue;
    const end = findExplanation(text, start);
    result += text.slice(position, start) + (end > start ? '[source]\n' : '');
    position = end;
  }
  return result + text.slice(position);
}

/** @returns the start of the explanation, or `start` if there is no source code */
function findExplanation(text: string, start: number): number {
  let hasSource = false;
  let isInArguments = false;
  let position = start;
  while (position < text.length) {
    const end = text.indexOf('\n', position);
    const next = end < 0 ? text.length : end + 1;
    const line = text.slice(position, end < 0 ? text.length : end);
    if (isInArguments) {
      // The arguments have no empty lines, because line breaks in values are escaped.
      if (line.trim() === '') isInArguments = false;
      else if (FRAME.test(line)) break;
    } else if (line.trim() !== '') {
      const isSource = SOURCE_LINE.test(line);
      if (!isSource && !ARGUMENTS_START.test(line)) break;
      isInArguments = !isSource || (line.startsWith('→') && !line.endsWith('('));
      hasSource = true;
    }
    position = next;
  }
  return hasSource ? position : start;
}
