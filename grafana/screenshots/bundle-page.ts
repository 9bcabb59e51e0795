import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** Style sheets that Grafana's packages import. */
const STYLE_FILES = ['uplot/dist/uPlot.min.css', '@grafana/react-data-grid/lib/styles.css'];

/** Bundles the page with Grafana's packages. */
export async function bundlePage(): Promise<{ readonly script: string; readonly style: string }> {
  const bundle = await rolldown({
    input: join(import.meta.dirname, 'page', 'dashboard-page.tsx'),
    platform: 'browser',
    logLevel: 'silent',
    transform: {
      jsx: { runtime: 'automatic' },
      define: { 'process.env.NODE_ENV': '"production"' },
    },
    moduleTypes: { '.svg': 'text', '.css': 'empty', '.ttf': 'dataurl' },
  });
  const { output } = await bundle.generate({ format: 'iife', codeSplitting: false });
  await bundle.close();
  const styles = STYLE_FILES.map((file) =>
    readFileSync(join(import.meta.dirname, 'node_modules', file), 'utf8'),
  );
  return { script: output[0].code, style: styles.join('\n') };
}
