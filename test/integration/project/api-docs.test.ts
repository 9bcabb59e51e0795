import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  API_DOCS_FOLDER,
  type ApiDocs,
  type ApiSymbol,
  generateApiDocs,
} from '../../../scripts/generate-api-docs.ts';

/** `ReflectionKind` of typedoc. */
const KINDS = { class: 128, constructor: 512, callSignature: 4096, getSignature: 524_288 };

let docs: ApiDocs;
beforeAll(async () => {
  // Fails if a symbol has no description.
  docs = await generateApiDocs(() => {});
});

function readPages(): Map<string, string> {
  const names = readdirSync(API_DOCS_FOLDER).toSorted();
  return new Map(names.map((name) => [name, readFileSync(join(API_DOCS_FOLDER, name), 'utf8')]));
}

it('docs/api is current (run "npm run api-docs" to update it)', () => {
  expect(readPages()).toEqual(docs.pages);
});

/** Returns the problems of a symbol and its members. */
function findProblems(symbol: ApiSymbol, path: string): string[] {
  const { kind, children = [], signatures = [], getSignature, setSignature, type } = symbol;
  const accessors = [getSignature, setSignature].filter((each) => each !== undefined);
  const members = [...children, ...(type?.declaration?.children ?? [])];
  const isConstructor = kind === KINDS.constructor;
  const needsExample = (each: ApiSymbol) =>
    !isConstructor && (each !== symbol || kind === KINDS.class);
  const problems = [symbol, ...signatures, ...accessors].flatMap((each) => [
    ...findMissingDescriptions(each),
    ...(needsExample(each) && !hasTag(each, '@example') ? ['has no example'] : []),
    ...(!isConstructor && returnsValue(each) && !hasTag(each, '@returns')
      ? ['has no description of its result']
      : []),
  ]);
  return [
    ...problems.map((problem) => `${path} ${problem}`),
    ...members.flatMap((member) => findProblems(member, `${path}.${member.name}`)),
  ];
}

function findMissingDescriptions({ parameters = [], typeParameters = [] }: ApiSymbol): string[] {
  return [...parameters, ...typeParameters]
    .filter(({ comment }) => !comment || comment.summary.length === 0)
    .map(({ name }) => `has no description of the parameter ${name}`);
}

function hasTag({ comment }: ApiSymbol, tag: string): boolean {
  return comment?.blockTags?.some((each) => each.tag === tag) ?? false;
}

function returnsValue({ kind, type }: ApiSymbol): boolean {
  return (kind === KINDS.callSignature || kind === KINDS.getSignature) && type?.name !== 'void';
}

describe('the reference', () => {
  it('has an example of each function, method, and class, and describes parameters and results', () => {
    const modules = docs.project.children ?? [];
    expect(modules.map(({ name }) => name)).toEqual([
      'agent',
      'client',
      'opentelemetry',
      'esbuild',
      'register',
    ]);
    expect(modules.flatMap((module) => findProblems(module, module.name))).toEqual([]);
  });

  it('contains neither paths of this machine nor undeclared types', () => {
    const text = [...docs.pages.values()].join('\n');
    expect(text).not.toContain(process.cwd());
    expect(text).not.toMatch(/\b__type\b|\bsrc\/\w/);
  });

  it('has only links with an existing target', () => {
    const broken: string[] = [];
    for (const [name, text] of docs.pages) {
      for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? text : readFileSync(join(API_DOCS_FOLDER, file), 'utf8');
        if (anchor !== undefined && !hasAnchor(target, anchor)) broken.push(`${name}: ${link}`);
      }
    }
    expect(broken).toEqual([]);
  });
});

function hasAnchor(text: string, anchor: string): boolean {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!.toLowerCase());
  return headings.includes(anchor) || text.includes(`<a id="${anchor}"></a>`);
}
