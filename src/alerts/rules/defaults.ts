import { readFileSync } from 'node:fs';
import { type LocatedProblem, rulesInvalid } from '../../entries/problems.ts';
import { parseSource, type Source } from '../../entries/source.ts';

const FILE = 'default-rules.yaml';

let parsed: Source | undefined;

/** The built-in rules: one YAML file beside the code, in the sources and in the package. */
export function defaultRules(): Source {
  parsed ??= read();
  return parsed;
}

function read(): Source {
  const text = readFileSync(new URL(`../${FILE}`, import.meta.url), 'utf8');
  const problems: LocatedProblem[] = [];
  const source = parseSource(FILE, text, problems);
  if (!source) throw rulesInvalid(problems);
  return source;
}
