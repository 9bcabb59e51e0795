import type { RedactionRule } from './redaction-rule.ts';

const QUOTED = `(?:"(?:[^"\\\\\\n]|\\\\.)*"?|'(?:[^'\\\\\\n]|\\\\.)*'?|\`[^\`\\n]*\`?)`;

/** Rules for values in messages of databases and their libraries. Names of tables and columns are kept. */
export const DATABASE_RULES: readonly RedactionRule[] = [
  // PostgreSQL: Key (email)=(ann@example.org) already exists.
  [
    /(?<![A-Za-z])(Key \([^()\n]{1,200}\)=)\((?:[^)\n]|\)(?!\.?$| (?:already exists|is not present|is still|conflicts)))*\)?/gm,
    '[value]',
  ],
  // MySQL: Duplicate entry 'ann' for key 'users.name'
  [/(?<![A-Za-z])(Duplicate entry )'(?:[^'\n]|'(?! for key ))*'?/g, '[value]'],
  // MongoDB: dup key: { name: "ann" }
  [/(?<![A-Za-z])(dup key: )\{[^\n]*/g, '[value]'],
  // Prisma, Mongoose, and Joi: Cast to Number failed for value "ann"
  [
    new RegExp(
      `(?<![A-Za-z])((?:(?:for|with|[Gg]ot invalid|[Pp]rovided|[Cc]onvert) value:?|[Cc]ould not convert from) )(?:${QUOTED}|\\{[^\\n]*|-?\\d[\\w.-]*)`,
      'g',
    ),
    '[value]',
  ],
  // Drizzle: the line after a failed query
  [/^(params: )[^\n]+/gm, '[values]'],
  // Knex: the statement with its values, before the message of the database
  [
    /^(?:[\w.]{1,64}: )?(?:insert into|replace into|delete from|update [^\s]{1,200} set|select [^\n]* from) [^\n]*/i,
    removeSqlLiterals,
  ],
];

function removeSqlLiterals(line: string): string {
  const end = line.lastIndexOf(' - ');
  if (end < 0) return line;
  return line.slice(0, end).replace(/'(?:[^'\\]|\\.|'')*'?/g, '?') + line.slice(end);
}
