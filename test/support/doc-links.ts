import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parse } from '@textlint/markdown-to-ast';
import GithubSlugger from 'github-slugger';

interface MarkdownNode {
  readonly type: string;
  readonly url?: string;
  readonly value?: string;
  readonly alt?: string;
  readonly children?: readonly MarkdownNode[];
  readonly loc: { readonly start: { readonly line: number } };
}

/** URLs that start with a scheme, such as `https:`. The check contacts no other machine. */
const EXTERNAL = /^[a-z][a-z+.-]*:/i;
/** Links and pictures in HTML. */
const HTML_LINK = /\b(?:href|src|srcset)="([^"]+)"/g;

/**
 * Returns each internal link of a document whose file or heading doesn't exist, such as
 * `docs/deploy.md:12: grafana.md#missing`. Headings have the anchors that GitHub generates.
 *
 * @param file path of a Markdown file
 */
export function findBrokenLinks(file: string): string[] {
  const root = parse(readFileSync(file, 'utf8')) as MarkdownNode;
  const broken: string[] = [];
  visit(root, (node) => {
    for (const url of listUrls(node)) {
      if (!EXTERNAL.test(url) && !resolves(url, file))
        broken.push(`${file}:${node.loc.start.line}: ${url}`);
    }
  });
  return broken;
}

function listUrls({ type, url, value = '' }: MarkdownNode): string[] {
  if (type === 'Html') return [...value.matchAll(HTML_LINK)].map(([, link]) => link!);
  return url === undefined ? [] : [url];
}

function resolves(url: string, from: string): boolean {
  const [path = '', anchor] = decodeURI(url).split('#');
  const target = path === '' ? from : normalize(join(dirname(from), path));
  // A link to a folder with a README shows the README.
  const file =
    existsSync(target) && statSync(target).isDirectory() && anchor !== undefined
      ? join(target, 'README.md')
      : target;
  if (!existsSync(file)) return false;
  return anchor === undefined || (file.endsWith('.md') && readAnchors(file).has(anchor));
}

const anchorsByFile = new Map<string, ReadonlySet<string>>();

function readAnchors(file: string): ReadonlySet<string> {
  const known = anchorsByFile.get(file);
  if (known) return known;
  const slugger = new GithubSlugger();
  const anchors = new Set<string>();
  visit(parse(readFileSync(file, 'utf8')) as MarkdownNode, (node) => {
    if (node.type === 'Header') anchors.add(slugger.slug(toText(node)));
    if (node.type === 'Html') {
      for (const [, id] of (node.value ?? '').matchAll(/\b(?:id|name)="([^"]+)"/g))
        anchors.add(id!);
    }
  });
  anchorsByFile.set(file, anchors);
  return anchors;
}

function toText({ value, alt, children = [] }: MarkdownNode): string {
  return value ?? alt ?? children.map(toText).join('');
}

function visit(node: MarkdownNode, onNode: (node: MarkdownNode) => void): void {
  onNode(node);
  for (const child of node.children ?? []) visit(child, onNode);
}
