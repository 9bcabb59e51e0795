import { useRequest } from '../../api/queries.ts';
import { client } from '../../api/session.ts';
import { BottleneckLine } from '../../data/bottleneck-line.tsx';
import { Card } from '../../design/card.tsx';
import { SearchableTable } from '../../design/searchable-table.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import type { Column } from '../../design/table.tsx';
import { formatCount, formatText } from '../../format/quantities.ts';
import { formatDateTime, toZoneName } from '../../format/times.ts';
import { useHeading } from '../../shell/use-heading.ts';
import type { ViewParameters } from '../../url/location.ts';
import { linkTo, zoneChoice } from '../../url/view-state.ts';
import { DeployDistribution } from './deploy-distribution.tsx';
import {
  type Deploy,
  DeployStatus,
  type Finding,
  formatDifference,
  formatStatistic,
  formatStatisticValue,
  formatSubject,
  formatType,
  VerdictBadge,
} from './deploy-parts.tsx';

const HEAD_HEIGHT = 64;

/** What did this version change, and how certain is that? */
export default function DeployView({ parameters: { id = '' } }: { parameters: ViewParameters }) {
  const state = useRequest(['deploy', id], () => client.value.deploy(id), { isLive: true });
  const deploy = state.data?.deploy;
  useHeading({
    title: deploy ? `${deploy.service} ${deploy.version}` : 'Deploy',
    crumbs: [{ label: 'Deploys', href: linkTo('/deploys') }],
  });
  return (
    <>
      <Card>
        <Loaded state={state} height={HEAD_HEIGHT}>
          {(data) => <Head deploy={data.deploy} />}
        </Loaded>
      </Card>
      {deploy && (
        <Card title="Where the time goes now">
          <BottleneckLine filter={{ service: [deploy.service], version: [deploy.version] }} />
        </Card>
      )}
      {state.data && <MainSeries {...state.data} />}
      {state.data && (
        <Card
          title="Changes"
          note={`${formatText(state.data.deploy.comparedSeries)} series compared`}
        >
          <SearchableTable<Finding>
            label="Changes"
            columns={COLUMNS}
            rows={state.data.changes}
            searchText={(finding) =>
              `${formatSubject(finding)} ${formatType(finding)} ${finding.organization} ${formatStatistic(finding)}`
            }
            rowKey={(finding) =>
              [finding.type, formatSubject(finding), finding.queueScope, finding.organization]
                .concat(finding.statistic)
                .join(' ')
            }
            empty={<NoChanges deploy={state.data.deploy} />}
          />
        </Card>
      )}
    </>
  );
}

/** The durations of the series with the most important change. */
function MainSeries({ deploy, changes }: { deploy: Deploy; changes: readonly Finding[] }) {
  const main =
    deploy.findings.find(({ verdict }) => verdict === 'regression') ??
    deploy.findings[0] ??
    changes[0];
  return main ? <DeployDistribution deploy={deploy} finding={main} /> : null;
}

function Head({ deploy }: { deploy: Deploy }) {
  const zone = toZoneName(zoneChoice.value);
  const headlines = omitTenantRepeats(deploy.findings);
  const { findings, startsAt, previousVersion, service, environment, commit, author, url } = deploy;
  return (
    <div class="alert-head">
      <div>
        <div class="buttons">
          <DeployStatus status={deploy.status} />
          <span class="muted">
            {formatDateTime(Date.parse(startsAt), zone, true)}
            {previousVersion && `, after ${previousVersion}`}
            {deploy.endReason && `, ended because ${deploy.endReason}`}
          </span>
        </div>
        {headlines.map(({ text }) => (
          <p key={text} class="name">
            <strong>{text}</strong>
          </p>
        ))}
        {headlines.length < findings.length && (
          <p class="muted">
            The table below also shows {formatCount(findings.length - headlines.length, 'change')}{' '}
            of single tenants.
          </p>
        )}
        {findings.length === 0 && <p class="muted">No change is confirmed.</p>}
        <p class="small">
          <a class="link" href={linkTo('/service', { service })}>
            {service}
          </a>
          {environment && ` · ${environment}`}
          {commit && ` · commit ${commit}`}
          {author && ` · ${author}`}
          {url && (
            <>
              {' · '}
              <a class="link" href={url} rel="noreferrer" target="_blank">
                pipeline
              </a>
            </>
          )}
        </p>
      </div>
    </div>
  );
}

/** Omits changes of single tenants in series that changed for all tenants. */
function omitTenantRepeats(findings: Deploy['findings']): Deploy['findings'] {
  const toKey = ({ type, endpoint, operation, queueScope, verdict }: Finding) =>
    JSON.stringify([type, endpoint, operation, queueScope, verdict]);
  const ofAllTenants = new Set(
    findings.filter(({ organization }) => organization === undefined).map(toKey),
  );
  return findings.filter(
    (finding) => finding.organization === undefined || !ofAllTenants.has(toKey(finding)),
  );
}

const COLUMNS: readonly Column<Finding>[] = [
  {
    id: 'subject',
    header: 'Series',
    isWide: true,
    sortBy: formatSubject,
    cell: (finding) => (
      <span class="two-lines">
        <span
          class="mono name truncate"
          // The end of a path distinguishes endpoints. Statements are too long to show them completely.
          style={isStatement(finding) ? {} : { whiteSpace: 'normal', overflowWrap: 'anywhere' }}
          title={formatSubject(finding)}
        >
          {formatSubject(finding)}
        </span>
        <span class="faint small truncate">
          {formatType(finding)}
          {finding.organization && `, tenant ${finding.organization}`}
        </span>
      </span>
    ),
  },
  { id: 'statistic', header: 'Statistic', sortBy: formatStatistic, cell: formatStatistic },
  {
    id: 'before',
    header: 'Before',
    align: 'right',
    isOptional: true,
    cell: (finding) => formatStatisticValue(finding, finding.before),
  },
  {
    id: 'after',
    header: 'After',
    align: 'right',
    isOptional: true,
    cell: (finding) => formatStatisticValue(finding, finding.after),
  },
  {
    id: 'change',
    header: 'Change',
    align: 'right',
    sortBy: ({ change }) => change,
    cell: (finding) => (
      <span class={toChangeClass(finding)}>{formatDifference(finding, finding.change)}</span>
    ),
  },
  {
    id: 'interval',
    header: '99 % interval',
    align: 'right',
    isOptional: true,
    cell: (finding) => (
      <span class="muted">
        {formatDifference(finding, finding.lower)} … {formatDifference(finding, finding.upper)}
      </span>
    ),
  },
  {
    id: 'count',
    header: 'Requests',
    align: 'right',
    isOptional: true,
    sortBy: ({ countAfter }) => countAfter,
    cell: ({ countBefore, countAfter, method }) => (
      <span title={`${countBefore} of the version before, ${describeMethod(method)}`}>
        {formatText(countAfter)}
      </span>
    ),
  },
  {
    id: 'verdict',
    header: 'Verdict',
    sortBy: ({ verdict }) => verdict,
    cell: ({ verdict }) => <VerdictBadge verdict={verdict} />,
  },
];

function isStatement({ type }: Finding): boolean {
  return type === 'DATABASE_QUERY_TIME';
}

function describeMethod(method: Finding['method']): string {
  return method === 'concurrent' ? 'in the same minutes' : 'in the hour before';
}

function toChangeClass({ verdict }: Finding): string {
  if (verdict === 'unchanged') return 'muted';
  return verdict === 'regression' ? 'worse' : 'better';
}

function NoChanges({ deploy }: { deploy: Deploy }) {
  return (
    <EmptyState
      title={deploy.status === 'running' ? 'No comparison yet' : 'Not enough data to compare'}
    >
      A comparison needs 200 requests of the new version, and 200 requests in at least 10 minutes
      before. The first comparison is 3 minutes after the start.
    </EmptyState>
  );
}
