export interface StackFrame {
  readonly functionName: string | undefined;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Whether the file belongs to the application, not to Node.js or a package. */
  readonly isApplication: boolean;
}

/**
 * Parses one line of a V8 stack trace: `at fn (file:line:column)` or `at file:line:column`. Returns
 * undefined if the line is not a frame. Error messages can contain lines that look like frames, so
 * this function takes linear time for any text.
 */
export function parseStackFrame(text: string): StackFrame | undefined {
  const frame = text.trimStart();
  if (!frame.startsWith('at ')) return undefined;
  const call = frame.slice('at '.length);
  const open = call.indexOf(' (');
  const functionName = open < 0 ? undefined : call.slice(0, open);
  const location = open < 0 ? call : call.slice(open + ' ('.length);
  const position = parsePosition(location.endsWith(')') ? location.slice(0, -1) : location);
  if (!position) return undefined;
  const file = position.file.replace(/^file:\/\//, '');
  return {
    ...position,
    functionName,
    file,
    isApplication: !/^node:|node_modules/.test(file),
  };
}

/** Splits `file:line:column`. */
function parsePosition(location: string) {
  const columnStart = location.lastIndexOf(':');
  const lineStart = location.lastIndexOf(':', columnStart - 1);
  if (lineStart < 0 || lineStart === columnStart) return undefined;
  const line = location.slice(lineStart + 1, columnStart);
  const column = location.slice(columnStart + 1);
  if (!/^\d+$/.test(line) || !/^\d+$/.test(column)) return undefined;
  return { file: location.slice(0, lineStart), line: Number(line), column: Number(column) };
}
