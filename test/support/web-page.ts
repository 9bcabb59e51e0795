import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import { waitFor } from './wait-for.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** Size of the window at the start. */
export const DESKTOP = { width: 1280, height: 900 };
/** Time without requests after which a view is complete, in ms. */
const QUIET_MS = 400;

/** Runs in the page. Counts layout shifts that no input has caused, and violations of the CSP. */
const RECORDER = `
globalThis.shifts = [];
globalThis.violations = [];
new PerformanceObserver((list) => {
  for (const { hadRecentInput, sources } of list.getEntries()) {
    if (hadRecentInput) continue;
    for (const { node, previousRect, currentRect } of sources) {
      const x = currentRect.x - previousRect.x;
      const y = currentRect.y - previousRect.y;
      if (node && Math.hypot(x, y) >= 1) {
        const element = node.parentElement?.className + ' > ' + (node.className || node.nodeName);
        shifts.push(element + ' "' + node.textContent.slice(0, 20) + '" moved by ' + x + ',' + y + ' px');
      }
    }
  }
}).observe({ type: 'layout-shift', buffered: true });
addEventListener('securitypolicyviolation', ({ blockedURI, violatedDirective }) => {
  violations.push(violatedDirective + ' ' + blockedURI);
});
`;

export interface WebPageOptions {
  /** URL of the server. */
  readonly url: string;
  /** Default: the theme of the system. */
  readonly theme?: string;
  /** API key with which the page is signed in. */
  readonly key?: string;
}

/** A page of the web UI in Chromium. It records everything that must not happen. */
export class WebPage {
  readonly page: Page;
  /** Errors in the console, uncaught errors, failed requests, and requests to other hosts. */
  readonly problems: string[] = [];
  readonly #context: BrowserContext;
  readonly #url: string;
  #open = 0;
  #lastChangeMs = 0;

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.#context = context;
    this.page = page;
    this.#url = url;
    const { origin } = new URL(url);
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      this.problems.push(`console: ${message.text()} (${message.location().url})`);
    });
    page.on('pageerror', (error) => this.problems.push(`error: ${error.message}`));
    page.on('request', (request) => {
      const target = new URL(request.url());
      if (target.origin !== origin && !/^(?:data|blob):$/.test(target.protocol)) {
        this.problems.push(`request to another host: ${request.url()}`);
      }
      // The stream stays open.
      if (!target.pathname.endsWith('/stream')) this.#note(1);
    });
    const noteEnd = (request: Request) => {
      if (!new URL(request.url()).pathname.endsWith('/stream')) this.#note(-1);
    };
    page.on('requestfinished', noteEnd);
    page.on('requestfailed', noteEnd);
  }

  static async open(browser: Browser, { url, theme, key }: WebPageOptions): Promise<WebPage> {
    const context = await browser.newContext({ viewport: DESKTOP, timezoneId: 'UTC' });
    await context.addInitScript(RECORDER);
    if (theme) await context.addInitScript(`localStorage.setItem('perfscope.theme', '${theme}')`);
    if (key) await context.addInitScript(`sessionStorage.setItem('perfscope.key', '${key}')`);
    return new WebPage(context, await context.newPage(), url);
  }

  #note(change: number): void {
    this.#open += change;
    this.#lastChangeMs = Date.now();
  }

  /** Opens a path, and waits until the view has loaded everything. */
  async goto(path: string): Promise<void> {
    this.#open = 0;
    await this.page.goto(this.#url + path);
    await this.settle();
  }

  /** Waits until the view has loaded everything. */
  async settle(): Promise<void> {
    await this.page.locator('main > *, form[aria-label="Sign in"]').first().waitFor();
    await waitFor(async () => {
      const isQuiet = this.#open <= 0 && Date.now() - this.#lastChangeMs > QUIET_MS;
      return isQuiet && (await this.page.locator('[aria-busy="true"]').count()) === 0;
    });
  }

  /** Returns layout shifts without input, and violations of the Content-Security-Policy. */
  async readFaults(): Promise<string[]> {
    return this.page.evaluate<string[]>('[...shifts, ...violations]');
  }

  /** Returns the serious and critical findings of axe-core, with the elements. */
  async runAxe(): Promise<string[]> {
    // Runs outside of the page's Content-Security-Policy.
    if (!(await this.page.evaluate<boolean>('"axe" in globalThis'))) {
      await this.page.evaluate(readFileSync(AXE, 'utf8'));
    }
    const results = await this.page.evaluate<{ violations: AxeViolation[] }>(
      `axe.run(document, { resultTypes: ['violations'] })`,
    );
    return results.violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join('; ')}`);
  }

  /** Changes the color scheme of the system, and waits until the page follows. */
  async useTheme(theme: 'light' | 'dark'): Promise<void> {
    await this.page.emulateMedia({ colorScheme: theme });
    await waitFor(async () => (await this.readTheme()) === theme);
  }

  readTheme(): Promise<string> {
    return this.page.evaluate<string>('document.documentElement.dataset.theme');
  }

  /** Changes the width of the window, and waits until the page is not wider. Charts follow after a moment. */
  async checkFits(width: number): Promise<void> {
    await this.page.setViewportSize({ width, height: DESKTOP.height });
    const fits = 'document.documentElement.scrollWidth <= document.documentElement.clientWidth';
    await waitFor(() => this.page.evaluate<boolean>(fits)).catch((error) => {
      throw new Error(`${this.page.url()} is wider than ${width} px`, { cause: error });
    });
  }

  close(): Promise<void> {
    return this.#context.close();
  }
}

interface AxeViolation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly target: readonly string[] }[];
}

/** Returns the value of a figure with its unit, without spaces. */
export async function readStat(page: Page, label: string): Promise<string> {
  const value = page.locator('.stat', { hasText: label }).locator('.value');
  return compact((await value.textContent()) ?? '');
}

/** Removes spaces, which the page replaces by margins. */
export function compact(text: string): string {
  return text.replaceAll(/\s/g, '');
}
