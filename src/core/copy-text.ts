/** V8 stores shorter parts of a text as copies. */
const MIN_SHARED_LENGTH = 13;

/**
 * Copies a text that is kept for long, such as the name of a table in a statement. V8 stores a part of a text as a
 * reference, so the whole text would stay in memory.
 */
export function copyText(text: string): string {
  return text.length < MIN_SHARED_LENGTH ? text : copyJson(text);
}

/** Copies texts, numbers, booleans, and lists and objects of them. See {@link copyText}. */
export function copyJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
