import type { ApiResponse, Query } from '../../../client/api-types.ts';
import { client } from '../../api/session.ts';
import { useSubmit } from '../../design/form.tsx';
import type { Unit } from '../../format/quantities.ts';
import { saveChart } from './chart-image.ts';
import type { ExploreState } from './query.ts';

interface DownloadsProps {
  readonly query: Query<'trends'>;
  readonly title: string;
  readonly charts: { readonly current: HTMLElement | null };
  readonly trends: ApiResponse<'trends'> | undefined;
  readonly state: ExploreState;
  readonly unit: Unit;
}

/** Buttons that save the points as CSV, and the charts as an image. */
export function Downloads({ query, title, charts, trends }: DownloadsProps) {
  const name = `perfscope-${toFileName(title)}`;
  const csv = useSubmit(async () => {
    // The key is in a header, so a link can't load the file.
    const text = await client.value.csv('trends', query);
    saveFile(new Blob([text], { type: 'text/csv' }), `${name}.csv`);
  });
  const image = useSubmit(async () => {
    if (charts.current) saveFile(await saveChart(charts.current, title), `${name}.png`);
  });
  const isEmpty = !trends || trends.series.length === 0;
  const error = csv.error ?? image.error;
  return (
    <span class="buttons">
      {error && (
        <span class="critical" role="alert">
          {error.message}
        </span>
      )}
      <button type="button" class="button" disabled={isEmpty || csv.isSending} onClick={csv.submit}>
        CSV
      </button>
      <button
        type="button"
        class="button"
        disabled={isEmpty || image.isSending}
        onClick={image.submit}
      >
        PNG
      </button>
    </span>
  );
}

const REVOKE_MS = 10_000;

function saveFile(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
}

function toFileName(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 80);
}
