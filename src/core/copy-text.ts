/** V8 stores shorter parts of a text as copies. */
const MIN_SHARED_LENGTH = 13;

/**
 * Copies a text that is kept for long. V8 stores a part of a text as a reference, and then the whole text stays in
 * memory, such as the statement that contains the name of a table.
 */
export function copyText(text: string): string {
  return text.length < MIN_SHARED_LENGTH ? text : copyJson(text);
}

/** Copies texts, numbers, booleans, and lists and objects of them. See {@link copyText}. */
export function copyJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
