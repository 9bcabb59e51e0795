// Generates docs/api from the docstrings of the public entry points. scripts/api-docs contains typedoc with TypeScript 6,
// because typedoc doesn't support TypeScript 7.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { API_DOCS_PACKAGES, installTestLibraries } from './test-libraries.mjs';

export const API_DOCS_FOLDER = 'docs/api';

const BIOME = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
const TIMEOUT_MS = 300_000;
/** Code blocks, code spans, and links, in which nothing is replaced. */
const CODE_OR_LINK = /```[\s\S]*?```|`[^`\n]*`|\[[^\]\n]*\]\([^)\n]*\)/g;

/** A symbol of the public API, as in the JSON output of typedoc. */
export interface ApiSymbol {
  readonly name: string;
  /** `ReflectionKind` of typedoc. */
  readonly kind: number;
  readonly comment?: {
    readonly summary: readonly object[];
    readonly blockTags?: readonly { readonly tag: string }[];
  };
  readonly children?: readonly ApiSymbol[];
  readonly signatures?: readonly ApiSymbol[];
  readonly parameters?: readonly ApiSymbol[];
  readonly typeParameters?: readonly ApiSymbol[];
  readonly getSignature?: ApiSymbol;
  readonly setSignature?: ApiSymbol;
  /** Result type of a signature, or type of a variable. */
  readonly type?: ApiType;
}

export interface ApiType {
  readonly type: string;
  readonly name?: string;
  /** Members of an object type. */
  readonly declaration?: ApiSymbol;
}

export interface ApiDocs {
  /** Pages of the reference by file name. */
  readonly pages: ReadonlyMap<string, string>;
  /** The project, whose children are the entry points. */
  readonly project: ApiSymbol;
}

/**
 * Generates the API reference. Installs typedoc first, if necessary.
 *
 * @param log reports that the installation starts
 * @throws Error if npm fails, or if typedoc takes longer than 5 minutes, or finds a symbol without a description
 */
export async function generateApiDocs(log: (line: string) => void): Promise<ApiDocs> {
  await installTestLibraries(log, { roots: [API_DOCS_PACKAGES] });
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-api-docs-'));
  try {
    const json = join(folder, 'project.json');
    const out = join(folder, 'pages');
    const typedoc = resolve(API_DOCS_PACKAGES, 'node_modules/typedoc/bin/typedoc');
    const args = ['--options', 'typedoc.config.mjs', '--out', out, '--json', json];
    execFileSync(process.execPath, [typedoc, ...args, '--logLevel', 'Warn'], {
      cwd: API_DOCS_PACKAGES,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: TIMEOUT_MS,
    });
    const names = readdirSync(out).toSorted();
    const pages = names.map(
      (name) => [name, formatPage(name, readFileSync(join(out, name), 'utf8'))] as const,
    );
    return { pages: new Map(pages), project: JSON.parse(readFileSync(json, 'utf8')) as ApiSymbol };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes a page of typedoc shorter, adds links to the other documents, and formats the page. */
function formatPage(name: string, page: string): string {
  const shortPage = page
    .replaceAll(/^#+ Returns\n\n`void`\n\n/gm, '')
    .replaceAll(/[ \t]+$/gm, '')
    .replaceAll(/(?:^#+ Throws\n\n.+(?:\n.+)*\n\n?){2,}/gm, mergeErrors);
  const args = [BIOME, 'format', `--stdin-file-path=${API_DOCS_FOLDER}/${name}`];
  const input = addLinks(shortPage);
  return execFileSync(process.execPath, args, { input, encoding: 'utf8', timeout: TIMEOUT_MS });
}

/** Merges the sections of several errors into one list. */
function mergeErrors(sections: string): string {
  const heading = sections.slice(0, sections.indexOf('\n'));
  const errors = sections.split(`${heading}\n\n`).slice(1);
  return `${heading}\n\n${errors.map((error) => `- ${error.trim().replaceAll('\n', '\n  ')}`).join('\n')}\n\n`;
}

/** Adds links to documents such as docs/agent.md, and to the explanations of error codes. */
function addLinks(page: string): string {
  const kept = [...page.matchAll(CODE_OR_LINK)].map(([text]) => text);
  return page
    .split(CODE_OR_LINK)
    .map((text, i) => {
      const linked = text
        .replaceAll(/\bdocs\/([\w-]+\.md)/g, '[$1](../$1)')
        .replaceAll(/\bPS_[A-Z\d_]+/g, (code) => `[${code}](../errors.md#${code.toLowerCase()})`);
      return linked + (kept[i] ?? '');
    })
    .join('');
}

if (import.meta.main) {
  const { pages } = await generateApiDocs(console.error);
  rmSync(API_DOCS_FOLDER, { recursive: true, force: true });
  mkdirSync(API_DOCS_FOLDER, { recursive: true });
  for (const [name, text] of pages) writeFileSync(join(API_DOCS_FOLDER, name), text);
}
