/** Longest text of a column that is filtered and grouped by, in UTF-16 code units. */
export const MOST_NAME_LENGTH = 512;
/** Longest JSON of a row's tags, and longest free text. */
export const MOST_TEXT_LENGTH = 64 * 1024;
