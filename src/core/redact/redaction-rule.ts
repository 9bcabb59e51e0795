/**
 * A pattern, and its placeholder or a function that returns the replacement of a match. If the
 * pattern has a capturing group, the text of this group is kept before the placeholder.
 *
 * Error messages can contain any text from clients, so each pattern must take linear time. A
 * quantifier without a limit can only run over characters that can't start another match, or behind
 * a start that occurs once per run. `test/unit/project/linear-patterns.test.ts` checks this.
 */
export type RedactionRule = readonly [
  pattern: RegExp,
  replacement: string | ((match: string) => string),
];
