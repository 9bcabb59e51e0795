import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { errorMessage } from '../perfscope-error.ts';
import { toPreferredName } from '../vocabulary.ts';
import type { ConfigPath, ConfigProblem, ReportProblem } from './config-validation.ts';
import { resolveYamlNames } from './resolve-yaml-names.ts';

/** A parsed YAML document with the position of each value. */
export interface YamlSource {
  readonly file: string;
  /** The plain data. For an empty file, this is `{}`. */
  readonly data: unknown;
  /** Returns the position of the value at `path`, or of its closest existing parent. */
  readonly locate: (path: ConfigPath, on?: 'key' | 'value') => { line: number; column: number };
}

/**
 * Parses YAML. If it is invalid, adds its errors to `problems` and returns undefined.
 *
 * @param options `hasNames`: whether to replace the names of the vocabulary by the names in our schemas.
 * Default: true.
 */
export function parseYamlSource(
  file: string,
  text: string,
  problems: ConfigProblem[],
  { hasNames = true } = {},
): YamlSource | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const toPosition = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  for (const error of document.errors) {
    problems.push({
      file,
      ...toPosition(error.pos[0]),
      message: `is not valid YAML: ${describeYamlError(error, text)}`,
    });
  }
  if (document.errors.length > 0) return undefined;
  try {
    if (hasNames) resolveYamlNames(document);
    const data: unknown = document.toJS() ?? {};
    return {
      file,
      data,
      locate: (path, on) => toPosition(findOffset(document, document.contents, path, on)),
    };
  } catch (error) {
    // The library rejects aliases that would expand to a huge document.
    problems.push({
      file,
      line: 1,
      column: 1,
      message: `is not valid YAML: ${errorMessage(error)}`,
    });
    return undefined;
  }
}

/** Adds the fix to the library's message about frequent mistakes. */
function describeYamlError({ code, message, pos }: YAMLError, text: string): string {
  switch (code) {
    case 'TAB_AS_INDENT':
      return `${message}; use spaces`;
    case 'DUPLICATE_KEY': {
      const [key = ''] = /^[^:\n]{1,60}/.exec(text.slice(pos[0])) ?? [];
      return `Map keys must be unique; remove one of the keys \`${key.trim()}\``;
    }
    case 'MULTIPLE_DOCS':
      return 'The file contains several documents; remove `---`';
    case 'BAD_SCALAR_START':
      return `${message}; put the text in quotes`;
    default:
      return message.endsWith(' at node end') ? `${message}; put the text in quotes` : message;
  }
}

/** Returns a reporter for the values below `prefix` in `source`. */
export function createReporter(
  source: YamlSource,
  prefix: ConfigPath,
  problems: ConfigProblem[],
): ReportProblem {
  return (path, message, on) => {
    const { line, column } = source.locate([...prefix, ...path], on);
    problems.push({ file: source.file, line, column, message: formatNames(message) });
  };
}

/** Replaces the names in our schemas by the names for users. Labels and `per` have their own values. */
function formatNames(message: string): string {
  if (message.startsWith('`per`')) return message;
  return message.replace(/(label )?`(\w+)`/g, (text, isLabel: string | undefined, name: string) =>
    isLabel ? text : `\`${toPreferredName(name)}\``,
  );
}

export type PlainObject = Readonly<Record<string, unknown>>;

/** Returns whether a value is a plain object, not an array or a date. */
export function isPlainObject(value: unknown): value is PlainObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

type YamlDocument = ReturnType<typeof parseDocument>;

function findOffset(
  document: YamlDocument,
  root: unknown,
  path: ConfigPath,
  on: 'key' | 'value' = 'value',
) {
  let node = resolveAlias(document, root);
  let offset = getStartOffset(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (!pair) break;
      const value = resolveAlias(document, pair.value);
      const target = depth === path.length - 1 && on === 'key' ? pair.key : pair.value;
      offset = getStartOffset(target) ?? getStartOffset(pair.key) ?? offset;
      node = value;
    } else if (isSeq(node) && typeof step === 'number' && node.items[step] !== undefined) {
      offset = getStartOffset(node.items[step]) ?? offset;
      node = resolveAlias(document, node.items[step]);
    } else break;
  }
  return offset;
}

function resolveAlias(document: YamlDocument, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function getStartOffset(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
