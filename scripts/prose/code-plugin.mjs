// A textlint plugin that reads the comments and the sentences in string literals of source code.
import jsTokens from 'js-tokens';

/** Strings with fewer words are treated as labels, keys, or SQL fragments, not as sentences. */
const MIN_STRING_WORDS = 4;
const NOT_PROSE =
  /\b(?:SELECT|FROM|WHERE|INSERT|CREATE|ALTER|GROUP BY|ORDER BY|LATEST ON|SAMPLE BY|AND|UNION)\b|[{};=<>]\s*$|^\s*[<{[]|=>|\$\(|&&|--\w+ \S+ --/;
/** Configuration and style sheets in templates. */
const DATA = /\n\s*(?:- )?[\w-]+:(?: |$)|[{[] ?[\w-]+: /m;
const LOWER_CASE_SQL =
  /^\W*(?:select|with|insert|update|delete|copy)\b.*\b(?:select|from|as|into|set)\b/;

export default {
  Processor: class {
    availableExtensions() {
      return ['.ts', '.mjs', '.cjs', '.js'];
    }
    processor() {
      return {
        preProcess: (text) => documentOf(text, codeBlocks(text)),
        postProcess: (messages, filePath) => ({ messages, filePath: filePath ?? '<code>' }),
      };
    }
  },
};

/**
 * Finds the text blocks in source code.
 *
 * @param {string} text
 * @returns {{ start: number, raw: string }[]} `raw` has the same length as the source, with markers masked
 */
export function codeBlocks(text) {
  const blocks = [];
  let offset = 0;
  let lines;
  for (const { type, value } of jsTokens(text)) {
    const start = offset;
    offset += value.length;
    if (type === 'SingleLineComment') {
      const raw = value.replace(/^\/\/+/, (marker) => ' '.repeat(marker.length));
      // Consecutive line comments are one paragraph.
      if (lines) lines.raw += text.slice(lines.start + lines.raw.length, start) + raw;
      else {
        lines = { start, raw };
        blocks.push(lines);
      }
      continue;
    }
    if (type === 'WhiteSpace' || (type === 'LineTerminatorSequence' && lines)) {
      if (type === 'LineTerminatorSequence' && value.length > 2) lines = undefined;
      continue;
    }
    lines = undefined;
    if (type === 'MultiLineComment') blocks.push(...commentBlocks(start, value));
    else if (type === 'StringLiteral' || type === 'NoSubstitutionTemplate') {
      addString(blocks, start, value);
    } else if (/^Template(?:Head|Middle|Tail)$/.test(type)) addString(blocks, start, value);
  }
  return blocks;
}

function addString(blocks, start, value) {
  if (
    NOT_PROSE.test(value) ||
    LOWER_CASE_SQL.test(value) ||
    DATA.test(value) ||
    (value.match(/[A-Za-z]{2,}/g) ?? []).length < MIN_STRING_WORDS
  )
    return;
  const raw = value.replace(/^['"`}]|['"`]$|\$\{$|\\n/g, (mark) => ' '.repeat(mark.length));
  blocks.push({ start, raw });
}

/** Splits a block comment at blank lines and at tags. Omits code and examples. */
function commentBlocks(start, value) {
  const masked = value
    .replace(/^\/\*+|\*+\/$/g, (mark) => ' '.repeat(mark.length))
    .replace(/^[ \t]*\*/gm, (mark) => ' '.repeat(mark.length))
    .replace(/```[\s\S]*?```|\n[ \t]*@example\b[\s\S]*?(?=\n[ \t]*@\w|$)/g, (code) =>
      code.replace(/[^\n]/g, ' '),
    )
    .replace(/\{@link ([^}]*)\}/g, (link) => `X${'x'.repeat(link.length - 1)}`);
  const blocks = [];
  let from = 0;
  for (const { index, 0: separator } of masked.matchAll(/\n[ \t]*\n|\n(?=[ \t]*@)|$/g)) {
    const raw = masked
      .slice(from, index)
      .replace(/^\s*@\w+(?: \[?\w[\w.]*(?:=[^\]]*)?\]?(?= ))?/, (tag) => ' '.repeat(tag.length));
    if (raw.trim() !== '') blocks.push({ start: start + from, raw });
    from = index + separator.length;
  }
  return blocks;
}

/**
 * Builds the textlint document of the blocks found in a file.
 *
 * @param {string} text
 * @param {{ start: number, raw: string }[]} blocks
 */
export function documentOf(text, blocks) {
  const lineStarts = [0];
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) lineStarts.push(i + 1);
  const at = (index) => {
    let low = 0;
    let high = lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (lineStarts[middle] <= index) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: index - lineStarts[low] };
  };
  const node = (type, start, end, raw, rest) => ({
    type,
    raw,
    range: [start, end],
    loc: { start: at(start), end: at(end) },
    ...rest,
  });
  const children = blocks.map(({ start, raw }) => {
    const end = start + raw.length;
    return node('Paragraph', start, end, raw, {
      children: [node('Str', start, end, raw, { value: raw })],
    });
  });
  return node('Document', 0, text.length, text, { children });
}
