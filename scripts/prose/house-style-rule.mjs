// A textlint rule: house phrases, US spelling, and sentence length.
import { PHRASES, US_SPELLING } from './phrases.mjs';

const MAX_WORDS = 25;
const SPELLING = new RegExp(`\\b(?:${Object.keys(US_SPELLING).join('|')})\\w*`, 'gi');
const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });

/** Checks each block of text: paragraphs, headings, and table cells. */
export default function houseStyle(context) {
  const { Syntax, RuleError, report, getSource, locator } = context;
  const check = (node) => {
    const text = maskCode(getSource(node));
    for (const { index, length, message } of findFaults(text)) {
      const padding = locator.range([index, index + length]);
      report(node, new RuleError(message, { padding }));
    }
  };
  return { [Syntax.Paragraph]: check, [Syntax.Header]: check, [Syntax.TableCell]: check };
}

/**
 * Finds the faults in a text.
 *
 * @param {string} text with code already masked
 * @returns {{ index: number, length: number, message: string }[]}
 */
export function findFaults(text) {
  return [...findPhrases(text), ...findSpelling(text), ...findLongSentences(text)];
}

function findPhrases(text) {
  return PHRASES.flatMap(({ pattern, advice }) =>
    [...text.matchAll(pattern)].map((match) => ({
      index: match.index,
      length: match[0].length,
      message: `"${match[0].trim()}": ${advice}`,
    })),
  );
}

function findSpelling(text) {
  return [...text.matchAll(SPELLING)].map((match) => {
    const stem = Object.keys(US_SPELLING).find((each) => match[0].toLowerCase().startsWith(each));
    return {
      index: match.index,
      length: match[0].length,
      message: `"${match[0]}": the US spelling starts with "${US_SPELLING[stem]}"`,
    };
  });
}

function findLongSentences(text) {
  return [...sentences.segment(text.replaceAll('\n', ' '))].flatMap(({ segment, index }) => {
    const words = segment.match(/[\p{L}\p{N}][\p{L}\p{N}'’_.%-]*/gu) ?? [];
    if (words.length <= MAX_WORDS) return [];
    const message = `sentence of ${words.length} words: split it (limit ${MAX_WORDS})`;
    return [{ index, length: segment.trimEnd().length, message }];
  });
}

/** Replaces inline code, link targets, and URLs with text of the same length, so that positions don't change. */
function maskCode(source) {
  return source
    .replace(/`[^`]*`/g, (code) => `X${'x'.repeat(code.length - 1)}`)
    .replace(/\]\([^)\s]*\)/g, (target) => ' '.repeat(target.length))
    .replace(/https?:\/\/\S+/g, (url) => `X${'x'.repeat(url.length - 1)}`);
}
