// node bench/intelligence/anomaly-accuracy.ts [--files]
// Compares the bands of normal values with other detectors on labeled data, and prints the tables of
// docs/anomalies.md. With --files, prints one line per file.
import { pathToFileURL } from 'node:url';
import { SENSITIVITIES, type Sensitivity } from '../../src/server/anomalies/model/band.ts';
import { WeekCalendar } from '../../src/server/anomalies/model/week-hours.ts';
import { BandSimulator } from '../../test/support/band-simulator.ts';
import {
  createSyntheticSeries,
  type LabeledSeries,
  readNabSeries,
  SYNTHETIC_ZONE,
} from './labeled-series.ts';
import {
  detectDbscanOutliers,
  detectMadOutliers,
  loadOutlierDetector,
} from './outlier-baseline.ts';
import { addScores, PROBATION_SHARE, type Score, scoreAlerts } from './score-alerts.ts';

/** Returns whether each point of a series is outside. */
type Detector = (series: LabeledSeries) => readonly boolean[];

/** Judges each point with values from before it. */
function computeDistances(series: LabeledSeries): (number | undefined)[] {
  const { kind, windowMs, points, name } = series;
  const zone = name.startsWith('synthetic') ? SYNTHETIC_ZONE : 'UTC';
  const simulator = new BandSimulator(kind, windowMs, new WeekCalendar(zone), points[0]!.toMs);
  return points.map((point) => simulator.judge(point).distance);
}

const distances = new Map<LabeledSeries, (number | undefined)[]>();

function createBandDetector(sensitivity: Sensitivity): Detector {
  return (series) => {
    const known = distances.get(series) ?? computeDistances(series);
    distances.set(series, known);
    return known.map((each) => each !== undefined && Math.abs(each) > SENSITIVITIES[sensitivity]);
  };
}

/** A threshold on each side, 20 % of the range beyond the values of the first part of the file. */
const detectByStaticThreshold: Detector = ({ points }) => {
  const first = points.slice(0, Math.floor(PROBATION_SHARE * points.length));
  const values = first.map(({ value }) => value).filter(Number.isFinite);
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const margin = 0.2 * (max - min);
  return points.map(({ value }) => value > max + margin || value < min - margin);
};

const DETECTORS: Readonly<Record<string, Detector>> = {
  'band, `low`': createBandDetector('low'),
  'band, `medium`': createBandDetector('medium'),
  'band, `high`': createBandDetector('high'),
  'static threshold': detectByStaticThreshold,
  'augurs MAD': detectMadOutliers,
  'augurs DBSCAN': detectDbscanOutliers,
};

const DATA_SETS: Readonly<Record<string, () => LabeledSeries[]>> = {
  'NAB realAWSCloudwatch': () => readNabSeries('realAWSCloudwatch'),
  'NAB realKnownCause': () => readNabSeries('realKnownCause'),
  'NAB artificialWithAnomaly': () => readNabSeries('artificialWithAnomaly'),
  'NAB artificialNoAnomaly': () => readNabSeries('artificialNoAnomaly'),
  'synthetic, hour of the week': () => createSyntheticSeries(2),
};

export interface AccuracyRow extends Score {
  readonly data: string;
  readonly detector: string;
}

/** Scores all detectors on all data sets. */
export async function measureAccuracy(
  onFile: (name: string, detector: string, score: Score) => void = () => {},
  sets: readonly string[] = Object.keys(DATA_SETS),
): Promise<AccuracyRow[]> {
  await loadOutlierDetector();
  return sets.flatMap((data) => {
    const series = DATA_SETS[data]!();
    return Object.entries(DETECTORS).map(([detector, detect]) => {
      const scores = series.map((each) => {
        const score = scoreAlerts(each, detect(each));
        onFile(each.name, detector, score);
        return score;
      });
      return { data, detector, ...addScores(scores) };
    });
  });
}

function formatRow({ data, detector, anomalies, found, alerts, falseAlerts, weeks }: AccuracyRow) {
  const percent = (part: number, whole: number) =>
    whole === 0 ? '–' : `${Math.round((100 * part) / whole)} %`;
  const cells = [
    data,
    detector,
    percent(alerts - falseAlerts, alerts),
    percent(found, anomalies),
    `${found} of ${anomalies}`,
    (falseAlerts / weeks).toFixed(2),
  ];
  return `| ${cells.join(' | ')} |`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const showsFiles = process.argv.includes('--files');
  const rows = await measureAccuracy((name, detector, score) => {
    if (showsFiles) console.error(name, detector, JSON.stringify(score));
  });
  console.log(
    '| Data | Detector | Precision | Recall | Anomalies found | False alerts per week and series |',
  );
  console.log(
    '| ---- | -------- | --------: | -----: | --------------: | -------------------------------: |',
  );
  for (const row of rows) console.log(formatRow(row));
}
