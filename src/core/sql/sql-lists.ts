import { type SqlPart, shortenChains } from './sql-chains.ts';

/** A statement, or an open group. */
interface Frame {
  /** `(` or `[`; empty for the statement itself. */
  readonly open: string;
  /** Whether the group contains the arguments of a function, or the columns of a table. */
  readonly isCall: boolean;
  /** Whether the group is a list of values, or an element of one. */
  readonly isList: boolean;
  /** Whether the group is an element after the first one of a list. */
  readonly isLaterElement: boolean;
  /** Finished items. Statements have only one item. */
  readonly items: SqlPart[][];
  item: SqlPart[];
  /** Whether the current words are the name of a type. */
  isType: boolean;
  /** The distinct tuples after `VALUES`, or undefined after another word. */
  tuples: Set<string> | undefined;
}

/** Keywords that are not function names, even if a parenthesis follows. */
const NON_FUNCTION_KEYWORDS = new Set(
  'AND OR NOT IN ANY ALL SOME EXISTS VALUES AS FROM JOIN ON WHERE HAVING SELECT UNION OVER USING BY WHEN THEN ELSE'.split(
    ' ',
  ),
);
const LIST_KEYWORDS = new Set(['IN', 'VALUES', 'ARRAY', 'ROW']);
const STATEMENT_KEYWORDS = new Set('SELECT WITH VALUES INSERT UPDATE DELETE TABLE'.split(' '));
const LITERAL_KEYWORDS = new Set(['NULL', 'TRUE', 'FALSE', 'DEFAULT']);
const CLOSING = new Map([
  ['(', ')'],
  ['[', ']'],
]);
/** Deeper groups are treated as words, so that the time stays linear. */
const MAX_DEPTH = 32;

/**
 * Formats the words of a statement. Lists of values of any length become `…`.
 *
 * @param options.isTruncated whether the end of the statement is missing. Default: `false`.
 */
export function formatStatement(words: readonly string[], { isTruncated = false } = {}): string {
  const stack = [createFrame('', undefined)];
  for (const word of words) addWord(stack, word);
  if (isTruncated) dropUnfinishedElement(stack);
  while (stack.length > 1)
    closeFrame(stack, isTruncated ? (CLOSING.get(stack.at(-1)!.open) ?? '') : '');
  return joinParts(finishStatement(stack[0]!))
    .replace(/ ?(::|\.) ?/g, '$1')
    .replace(/ ?([,;)\]])/g, '$1')
    .replace(/([([]) /g, '$1')
    .trim();
}

function addWord(stack: Frame[], word: string): void {
  const frame = stack.at(-1)!;
  if (CLOSING.has(word) && stack.length <= MAX_DEPTH) stack.push(createFrame(word, frame));
  else if (stack.length > 1 && word === CLOSING.get(frame.open)) closeFrame(stack, word);
  else if (word === ',' && frame.open !== '' && !isStatement(frame)) {
    frame.items.push(frame.item);
    frame.item = [];
    frame.isType = false;
  } else addPart(frame, toPart(frame, word));
}

function createFrame(open: string, parent: Frame | undefined): Frame {
  const previous = parent?.item.at(-1);
  const keyword = previous?.text.toUpperCase() ?? '';
  const isNested = parent?.isList === true && parent.item.length === 0;
  const isLaterTuple = keyword === ',' && parent?.tuples !== undefined;
  return {
    open,
    isCall:
      isIdentifier(previous?.text) &&
      !NON_FUNCTION_KEYWORDS.has(keyword) &&
      keyword !== 'ARRAY' &&
      keyword !== 'ROW',
    isList: LIST_KEYWORDS.has(keyword) || isNested || isLaterTuple,
    isLaterElement: isLaterTuple || (isNested && parent.items.length > 0),
    items: [],
    item: [],
    isType: false,
    tuples: undefined,
  };
}

function isStatement({ items, item }: Frame): boolean {
  const first = (items[0] ?? item)[0];
  return first !== undefined && STATEMENT_KEYWORDS.has(first.text.toUpperCase());
}

function toPart(frame: Frame, word: string): SqlPart {
  const keyword = word.toUpperCase();
  const isWord = isIdentifier(word);
  if (word === '::' || keyword === 'AS') frame.isType = true;
  else if (!isWord && word !== '.') frame.isType = false;
  const isConstant =
    !isWord || frame.isType || LITERAL_KEYWORDS.has(keyword) || keyword.startsWith('CURRENT_');
  return { text: word, isConstant, isGroup: false };
}

/** Adds a part. A function with constant arguments, and a type before a literal, are constant too. */
function addPart(frame: Frame, part: SqlPart): void {
  const previous = frame.item.at(-1);
  const isOperand = part.text === '?' || (part.isGroup && part.isConstant);
  if (isOperand && previous && isIdentifier(previous.text))
    frame.item[frame.item.length - 1] = { ...previous, isConstant: true };
  // A repeated tuple and the comma before it are omitted. MySQL also has `VALUES ROW(1, 2), ROW(3, 4)`.
  const isRow = part.isGroup && previous?.text.toUpperCase() === 'ROW';
  const comma = frame.item.at(isRow ? -2 : -1);
  if (part.isGroup && comma?.text === ',' && frame.tuples?.has(part.text))
    frame.item.length -= isRow ? 2 : 1;
  else frame.item.push(part);
  if (part.isGroup) frame.tuples?.add(part.text);
  else if (part.text !== ',' && part.text.toUpperCase() !== 'ROW')
    frame.tuples = part.text.toUpperCase() === 'VALUES' ? new Set() : undefined;
}

function closeFrame(stack: Frame[], close: string): void {
  const frame = stack.pop()!;
  const content = isStatement(frame)
    ? { text: joinParts(finishStatement(frame)), isConstant: false }
    : finishItems(frame);
  const { text, isConstant } = content;
  const group = { text: `${frame.open}${text}${close}`, isConstant, isGroup: true };
  addPart(stack.at(-1)!, group);
}

function finishStatement(frame: Frame): readonly SqlPart[] {
  return shortenChains([...frame.items.flat(), ...frame.item], joinParts);
}

/** Formats the items of a group. Lists keep one example of each form. */
function finishItems(frame: Frame): { text: string; isConstant: boolean } {
  const items = frame.items.length > 0 || frame.item.length > 0 ? [...frame.items, frame.item] : [];
  const isConstant = items.every((item) => item.every((part) => part.isConstant));
  const forms = items.map((item) => joinParts(shortenChains(item, joinParts)));
  const isList = frame.isList || (!frame.isCall && isConstant && items.length > 1);
  if (frame.isCall && !isList) {
    const isRepeated = isConstant && forms.length > 1 && new Set(forms).size === 1;
    return { text: isRepeated ? shortenForms(forms) : forms.join(', '), isConstant };
  }
  if (!isList) return { text: forms.join(', '), isConstant };
  if (forms.length === 0) return { text: frame.open === '[' ? '…' : '', isConstant };
  const values = forms.map((form) => (LITERAL_KEYWORDS.has(form.toUpperCase()) ? '?' : form));
  const hasValue = items.some((item) => item.every((part) => part.isConstant));
  return { text: hasValue ? shortenForms(values) : values.join(', '), isConstant };
}

function shortenForms(forms: readonly string[]): string {
  const distinct = [...new Set(forms)];
  return distinct.length === 1 && distinct[0] === '?' ? '…' : [...distinct, '…'].join(', ');
}

/**
 * Removes a list element that is only partly known, so that the length of a list doesn't change the
 * fingerprint of a very long statement.
 */
function dropUnfinishedElement(stack: Frame[]): void {
  const unfinished = stack.findIndex(({ isLaterElement }) => isLaterElement);
  if (unfinished > 0) stack.length = unfinished;
  const frame = stack.at(-1)!;
  if (frame.open === '') {
    if (frame.item.at(-1)?.text === ',') frame.item.pop();
  } else if (frame.isList && frame.items.length > 0) frame.item = frame.items.pop()!;
}

function joinParts(parts: readonly SqlPart[]): string {
  return parts.reduce((joined, { text, isGroup }, i) => {
    const previous = parts[i - 1]?.text ?? '';
    const isCall =
      isGroup && isIdentifier(previous) && !NON_FUNCTION_KEYWORDS.has(previous.toUpperCase());
    const isSubscript = isGroup && text.startsWith('[');
    return isCall || isSubscript || i === 0 ? joined + text : `${joined} ${text}`;
  }, '');
}

/** Whether a word is a name or a keyword. */
export function isIdentifier(word: string | undefined): boolean {
  return word !== undefined && /^(?:["`A-Za-z_$\u0080-\uffff]|\[.)/.test(word);
}
