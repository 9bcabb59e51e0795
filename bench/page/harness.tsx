// Pages that the benchmark opens: /#charts shows 20 live charts, /#table a table of 10,000 endpoints, and /#plain a
// page of the same height without the UI's code.
import { type ComponentType, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import '../../src/web/design/index.css';
import { Figure } from '../../src/web/design/figure.tsx';
import { Table } from '../../src/web/design/table.tsx';
import { TimeChart } from '../../src/web/design/time-chart.tsx';

const CHARTS = 20;
const POINTS = 5000;
const ROWS = 10_000;
const UPDATE_MS = 1000;

interface Frame {
  readonly times: number[];
  readonly values: number[][];
}

/** Charts that get one new point each second, and lose the oldest one. */
function LiveCharts() {
  const [frame, setFrame] = useState<Frame>(() => {
    const start = Math.floor(Date.now() / 1000) - POINTS;
    return {
      times: Array.from({ length: POINTS }, (_, index) => start + index),
      values: Array.from({ length: CHARTS }, () => Array.from({ length: POINTS }, toValue)),
    };
  });
  useEffect(() => {
    const timer = setInterval(() => {
      setFrame(({ times, values }) => ({
        times: [...times.slice(1), times.at(-1)! + 1],
        values: values.map((series) => [...series.slice(1), toValue()]),
      }));
    }, UPDATE_MS);
    return () => clearInterval(timer);
  }, []);
  const { times, values } = frame;
  return (
    <main class="content">
      {values.map((series, index) => (
        <section key={index} class="card span-3">
          <TimeChart
            label={`Chart ${index}`}
            times={times}
            series={[{ label: 'p95', values: series }]}
            unit="ms"
            fromMs={1000 * times[0]!}
            toMs={1000 * times.at(-1)!}
          />
        </section>
      ))}
    </main>
  );
}

function toValue(): number {
  return 50 + 50 * Math.random();
}

interface Row {
  readonly endpoint: string;
  readonly rate: number;
  readonly p95: number;
}

function LongTable() {
  const [rows] = useState<Row[]>(() =>
    Array.from({ length: ROWS }, (_, index) => ({
      endpoint: `GET /api/properties/:property/resource-${index}`,
      rate: toValue(),
      p95: toValue(),
    })),
  );
  return (
    <section class="card">
      <Table
        label="Endpoints"
        rows={rows}
        rowKey={({ endpoint }) => endpoint}
        columns={[
          {
            id: 'endpoint',
            header: 'Endpoint',
            isWide: true,
            sortBy: ({ endpoint }) => endpoint,
            cell: ({ endpoint }) => (
              <span class="cell">
                <a class="mono name" href="/">
                  {endpoint}
                </a>
              </span>
            ),
          },
          {
            id: 'rate',
            header: 'Rate',
            sortBy: ({ rate }) => rate,
            cell: ({ rate }) => <Figure value={rate} unit="/s" />,
          },
          {
            id: 'p95',
            header: 'p95',
            sortBy: ({ p95 }) => p95,
            cell: ({ p95 }) => <Figure value={p95} unit="ms" />,
          },
        ]}
      />
    </section>
  );
}

/** Long static text, which the browser scrolls without the UI's code. */
function PlainText() {
  return (
    <div class="table-scroll" style={{ maxHeight: '72vh' }}>
      <div style={{ height: `${33 * ROWS}px` }}>Text</div>
    </div>
  );
}

const PAGES: Readonly<Record<string, ComponentType>> = {
  '#charts': LiveCharts,
  '#table': LongTable,
  '#plain': PlainText,
};
const View = PAGES[location.hash] ?? PlainText;
render(<View />, document.getElementById('app')!);
