import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { reasonOf } from '../errors.ts';
import type { LocatedProblem, Path, Report } from './problems.ts';

/** A parsed YAML text that can tell where each of its parts stands. */
export interface Source {
  readonly file: string;
  /** The plain data; `{}` of an empty file. */
  readonly data: unknown;
  /** Position of what is at `path`, or of the deepest part of it that exists. */
  readonly locate: (path: Path, on?: 'key' | 'value') => { line: number; column: number };
}

/** Parses `text`. What is not YAML is added to `problems`, and there is no source. */
export function parseSource(
  file: string,
  text: string,
  problems: LocatedProblem[],
): Source | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  for (const error of document.errors) {
    problems.push({ file, ...at(error.pos[0]), message: `is not YAML: ${error.message}` });
  }
  if (document.errors.length > 0) return undefined;
  try {
    const data: unknown = document.toJS() ?? {};
    return {
      file,
      data,
      locate: (path, on) => at(offsetOf(document, document.contents, path, on)),
    };
  } catch (error) {
    // Aliases that multiply without end are refused by the library.
    problems.push({ file, line: 1, column: 1, message: `is not YAML: ${reasonOf(error)}` });
    return undefined;
  }
}

/** Reports problems of what stands under `prefix` in `source`. */
export function reporter(source: Source, prefix: Path, problems: LocatedProblem[]): Report {
  return (path, message, on) => {
    const { line, column } = source.locate([...prefix, ...path], on);
    problems.push({ file: source.file, line, column, message });
  };
}

export type Data = Readonly<Record<string, unknown>>;

/** Whether it is a map of keys. */
export function isData(value: unknown): value is Data {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

type Document = ReturnType<typeof parseDocument>;

function offsetOf(document: Document, root: unknown, path: Path, on: 'key' | 'value' = 'value') {
  let node = resolved(document, root);
  let offset = startOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (!pair) break;
      const value = resolved(document, pair.value);
      const wanted = depth === path.length - 1 && on === 'key' ? pair.key : pair.value;
      offset = startOf(wanted) ?? startOf(pair.key) ?? offset;
      node = value;
    } else if (isSeq(node) && typeof step === 'number' && node.items[step] !== undefined) {
      offset = startOf(node.items[step]) ?? offset;
      node = resolved(document, node.items[step]);
    } else break;
  }
  return offset;
}

function resolved(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
