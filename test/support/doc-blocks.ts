import { readdirSync, readFileSync } from 'node:fs';

/** A code block of a document. */
export interface DocBlock {
  readonly file: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** Text of the nearest heading above. */
  readonly heading: string;
  /** The first word after the fence, such as `sh`. */
  readonly language: string;
  /**
   * The other words. `run` marks a runnable block: ```` ```sh run ````. Values are separated by `=`, such as `run=server`.
   */
  readonly marks: ReadonlyMap<string, string>;
  readonly text: string;
}

const FENCE = /^( *)(`{3,})(.*)$/;

/**
 * Returns the code blocks of a Markdown text.
 *
 * @param text of the document
 * @param file its path, which each block contains
 */
export function readDocBlocks(text: string, file: string): DocBlock[] {
  const blocks: DocBlock[] = [];
  let heading = '';
  let open: { fence: string; indent: number; info: string; line: number; lines: string[] } | null =
    null;
  for (const [index, line] of text.split('\n').entries()) {
    const [, indent = '', fence = '', info = ''] = FENCE.exec(line) ?? [];
    if (open === null) {
      if (fence) open = { fence, indent: indent.length, info, line: index + 1, lines: [] };
      else if (/^#+ /.test(line)) heading = line.replace(/^#+ /, '');
    } else if (fence.startsWith(open.fence) && info === '') {
      const [language = '', ...words] = open.info.trim().split(/\s+/);
      const marks = new Map(words.map((word) => word.split(/=(.*)/s) as [string, string]));
      const body = open.lines.map((each) => each.slice(open!.indent)).join('\n');
      blocks.push({ file, line: open.line, heading, language, marks, text: body });
      open = null;
    } else open.lines.push(line);
  }
  return blocks;
}

/** Returns the paths of all documents for users. */
export function listDocuments(): string[] {
  const docs = readdirSync('docs').filter((name) => name.endsWith('.md'));
  return ['README.md', ...docs.toSorted().map((name) => `docs/${name}`)];
}

/** Returns the runnable blocks of a document. */
export function readRunnableBlocks(file: string): DocBlock[] {
  return readDocBlocks(readFileSync(file, 'utf8'), file).filter(({ marks }) => marks.has('run'));
}
