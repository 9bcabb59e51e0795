// Checks the project's prose: Markdown, YAML, comments, and sentences in string literals.
// Usage: node scripts/lint-prose.mjs [--count] [FILE …]
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { TextlintKernel } from '@textlint/kernel';
import markdown from '@textlint/textlint-plugin-markdown';
import code from './prose/code-plugin.mjs';
import houseStyle from './prose/house-style-rule.mjs';
import yaml from './prose/yaml-plugin.mjs';

const CHECKED = new Set(['.md', '.ts', '.mjs', '.cjs', '.js', '.yaml', '.yml']);
const args = process.argv.slice(2);
const named = args.filter((arg) => !arg.startsWith('--'));
const files = (named.length > 0 ? named : tracked()).filter((file) => CHECKED.has(extname(file)));
const kernel = new TextlintKernel();
let faults = 0;

for (const file of files) {
  const { messages } = await kernel.lintText(readFileSync(file, 'utf8'), {
    ext: extname(file),
    filePath: file,
    plugins: [
      { pluginId: 'markdown', plugin: markdown.default ?? markdown },
      { pluginId: 'code', plugin: code },
      { pluginId: 'yaml', plugin: yaml },
    ],
    rules: [{ ruleId: 'house-style', rule: houseStyle }],
  });
  faults += messages.length;
  if (args.includes('--count')) {
    if (messages.length > 0) console.log(`${messages.length}\t${file}`);
    continue;
  }
  for (const { loc, message } of messages) {
    console.log(`${file}:${loc.start.line}:${loc.start.column + 1} ${message}`);
  }
}
console.log(`prose: ${faults} ${faults === 1 ? 'fault' : 'faults'} in ${files.length} files`);
process.exit(faults > 0 ? 1 : 0);

function tracked() {
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => !file.startsWith('scripts/prose/') && !file.startsWith('dist/'));
}
