/** Matches a V8 stack frame: `at fn (file:line:column)` or `at file:line:column`. */
const STACK_FRAME_PATTERN = /^\s*at (?:(.*?) \()?(?:file:\/\/)?(.*?):(\d+):(\d+)\)?$/;

export interface StackFrame {
  readonly functionName: string | undefined;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Whether the file belongs to the application, not to Node.js or a package. */
  readonly isApplication: boolean;
}

/** Parses one line of a V8 stack trace. Returns undefined if the line is not a frame. */
export function parseStackFrame(text: string): StackFrame | undefined {
  const [, functionName, file, line, column] = STACK_FRAME_PATTERN.exec(text) ?? [];
  if (file === undefined) return undefined;
  return {
    functionName,
    file,
    line: Number(line),
    column: Number(column),
    isApplication: !/^node:|node_modules/.test(file),
  };
}
