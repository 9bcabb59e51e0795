import { nearest } from '../config/nearest.ts';
import { coded, type PerfscopeError } from '../errors.ts';

export type Path = readonly (string | number)[];

/** Something that is wrong in a file, and where. Lines and columns count from 1. */
export interface LocatedProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong and what would be right. */
  readonly message: string;
}

/** Tells of a problem at `path`; `on` says whether its key or its value is meant [value]. */
export type Report = (path: Path, message: string, on?: 'key' | 'value') => void;

/** `report` for what lies under `prefix`. */
export function below(report: Report, ...prefix: Path): Report {
  return (path, message, on) => report([...prefix, ...path], message, on);
}

/** ` Did you mean …?` where a candidate is near enough, else the list of what is allowed. */
export function suggest(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  return `allowed ${candidates.length === 1 ? 'is' : 'are'} ${candidates.map((c) => `\`${c}\``).join(', ')}`;
}

/** What a file that is refused is called. */
export type FileCode = 'PS_RULES_INVALID' | 'PS_NOTIFY_INVALID' | 'PS_BUSINESS_RULES_INVALID';

/** The one error of a file that is refused, with all of its problems in the order of the file. */
export function fileInvalid(code: FileCode, problems: readonly LocatedProblem[]): PerfscopeError {
  const sorted = problems.toSorted(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
  );
  return coded(code, { problems: sorted, lines: linesOf(sorted) });
}

/** The same of a file with rules. */
export function rulesInvalid(problems: readonly LocatedProblem[]): PerfscopeError {
  return fileInvalid('PS_RULES_INVALID', problems);
}

/** `file:line:column: message`, as editors understand it. */
export function linesOf(problems: readonly LocatedProblem[]): string[] {
  return problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`);
}
