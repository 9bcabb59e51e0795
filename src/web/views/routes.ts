import { signal } from '@preact/signals';
import {
  Activity,
  Bell,
  BookOpen,
  Building2,
  ChartLine,
  CircleAlert,
  Database,
  GitCommitVertical,
  Globe,
  HardDrive,
  type IconNode,
  Inbox,
  KeyRound,
  Layers,
  LayoutDashboard,
  Lightbulb,
  Rocket,
  Server,
  Siren,
  SlidersHorizontal,
  Target,
  TrendingUp,
  Users,
  Zap,
} from 'lucide';
import type { ComponentType } from 'preact';
import { parse } from 'regexparam';
import type { Permission } from '../api/session.ts';
import type { ViewParameters } from '../url/location.ts';

interface ViewModule {
  readonly default: ComponentType<{ parameters: ViewParameters }>;
  /** Sends the most important requests of the view, while the server still checks who the caller is. */
  readonly preload?: () => Promise<void>;
}

/** A view: one question, and its place in the URL. */
export interface Route {
  readonly path: string;
  readonly title: string;
  readonly load: () => Promise<ViewModule>;
  /** Entry in the navigation. */
  readonly navigation?: { readonly section: Section; readonly icon: IconNode };
  /** Path of the view in the navigation to which this view belongs. */
  readonly parent?: string;
  /** Parameters of the query that select what the view shows. The view starts again if they change. */
  readonly identity?: readonly string[];
  /** Permission that the caller needs. Others don't see the view. */
  readonly permission?: Permission;
  /** Words for the search of views. */
  readonly keywords?: string;
}

export type Section = 'Observe' | 'Respond' | 'Understand' | 'Manage';
export const SECTIONS: readonly Section[] = ['Observe', 'Respond', 'Understand', 'Manage'];

/** All views, in the order of the navigation. */
export const ROUTES: readonly Route[] = [
  {
    path: '/',
    title: 'Overview',
    load: () => import('./overview/overview.tsx'),
    navigation: { section: 'Observe', icon: LayoutDashboard },
    keywords: 'home start status',
  },
  {
    path: '/services',
    title: 'Services',
    load: () => import('./services/services.tsx'),
    navigation: { section: 'Observe', icon: Layers },
    keywords: 'endpoints routes requests latency',
  },
  {
    path: '/service',
    title: 'Service',
    load: () => import('./services/service.tsx'),
    parent: '/services',
    identity: ['service'],
  },
  {
    path: '/endpoint',
    title: 'Endpoint',
    load: () => import('./services/endpoint.tsx'),
    parent: '/services',
    identity: ['service', 'operation', 'endpoint'],
  },
  {
    path: '/databases',
    title: 'Databases',
    load: () => import('./databases/databases.tsx'),
    navigation: { section: 'Observe', icon: Database },
    keywords: 'sql statements queries connections pool',
  },
  {
    path: '/statement',
    title: 'Statement',
    load: () => import('./databases/statement.tsx'),
    parent: '/databases',
    identity: ['service', 'operation', 'statement'],
  },
  {
    path: '/queues',
    title: 'Queues',
    load: () => import('./queues/queues.tsx'),
    navigation: { section: 'Observe', icon: SlidersHorizontal },
    keywords: 'jobs bullmq bull messages workers backlog',
  },
  {
    path: '/queue',
    title: 'Queue',
    load: () => import('./queues/queue.tsx'),
    parent: '/queues',
    identity: ['queue', 'scope'],
  },
  {
    path: '/job',
    title: 'Job',
    load: () => import('./queues/job.tsx'),
    parent: '/queues',
    identity: ['queue', 'scope', 'job'],
  },
  {
    path: '/outgoing',
    title: 'Outgoing calls',
    load: () => import('./outgoing/outgoing.tsx'),
    navigation: { section: 'Observe', icon: Globe },
    identity: ['host'],
    keywords: 'http fetch clients hosts dependencies',
  },
  {
    path: '/hosts',
    title: 'Hosts and runtime',
    load: () => import('./hosts/hosts.tsx'),
    navigation: { section: 'Observe', icon: Server },
    identity: ['service', 'instance'],
    permission: 'readHosts',
    keywords: 'cpu memory event loop garbage collection processes',
  },
  {
    path: '/errors',
    title: 'Errors',
    load: () => import('./errors/errors.tsx'),
    navigation: { section: 'Observe', icon: CircleAlert },
    identity: ['fingerprint'],
    keywords: 'exceptions stack traces failures',
  },
  {
    path: '/incidents',
    title: 'Incidents',
    load: () => import('./incidents/incidents.tsx'),
    navigation: { section: 'Respond', icon: Siren },
    keywords: 'outage cause problem timeline',
  },
  {
    path: '/incidents/:id',
    title: 'Incident',
    load: () => import('./incidents/incident.tsx'),
    parent: '/incidents',
  },
  {
    path: '/alerts',
    title: 'Alerts',
    load: () => import('./alerts/alerts.tsx'),
    navigation: { section: 'Respond', icon: Bell },
    keywords: 'firing acknowledge silence',
  },
  {
    path: '/alerts/:id',
    title: 'Alert',
    load: () => import('./alerts/alert.tsx'),
    parent: '/alerts',
  },
  {
    path: '/inbox',
    title: 'Inbox',
    load: () => import('./inbox/inbox.tsx'),
    navigation: { section: 'Respond', icon: Inbox },
    keywords: 'notifications messages unread',
  },
  {
    path: '/objectives',
    title: 'Objectives',
    load: () => import('./objectives/objectives.tsx'),
    navigation: { section: 'Respond', icon: Target },
    identity: ['objective'],
    keywords: 'slo error budget burn rate targets',
  },
  {
    path: '/suggestions',
    title: 'Suggestions',
    load: () => import('./suggestions/suggestions.tsx'),
    navigation: { section: 'Respond', icon: Lightbulb },
    keywords: 'fix slow index n+1 limit pool cache explain bottleneck advice',
  },
  {
    path: '/forecasts',
    title: 'Forecasts',
    load: () => import('./forecasts/forecasts.tsx'),
    navigation: { section: 'Respond', icon: TrendingUp },
    keywords: 'predict capacity planning disk full memory leak pool trend',
  },
  {
    path: '/forecasts/:id',
    title: 'Forecast',
    load: () => import('./forecasts/forecast.tsx'),
    parent: '/forecasts',
  },
  {
    path: '/deploys',
    title: 'Deploys',
    load: () => import('./deploys/deploys.tsx'),
    navigation: { section: 'Respond', icon: GitCommitVertical },
    keywords: 'versions releases regression canary rollback',
  },
  {
    path: '/deploys/:id',
    title: 'Deploy',
    load: () => import('./deploys/deploy.tsx'),
    parent: '/deploys',
  },
  {
    path: '/rules',
    title: 'Rules',
    load: () => import('./alerts/rules.tsx'),
    navigation: { section: 'Respond', icon: BookOpen },
    identity: ['rule'],
    keywords: 'thresholds yaml watched',
  },
  {
    path: '/backtest',
    title: 'Backtest',
    load: () => import('./backtest/backtest.tsx'),
    parent: '/rules',
    permission: 'backtest',
    keywords: 'replay simulate rules yaml',
  },
  {
    path: '/noise',
    title: 'Noise report',
    load: () => import('./backtest/noise.tsx'),
    parent: '/rules',
    keywords: 'noise quieter suggestions alert fatigue flapping',
  },
  {
    path: '/actions',
    title: 'Actions',
    load: () => import('./actions/actions.tsx'),
    navigation: { section: 'Respond', icon: Zap },
    keywords: 'breakers decisions scaling',
  },
  {
    path: '/tenants',
    title: 'Tenants',
    load: () => import('./tenants/tenants.tsx'),
    navigation: { section: 'Understand', icon: Building2 },
    identity: ['tenant'],
    keywords: 'organizations properties customers usage',
  },
  {
    path: '/business',
    title: 'Business',
    load: () => import('./business/business.tsx'),
    navigation: { section: 'Understand', icon: Activity },
    keywords: 'active users reservations custom metrics',
  },
  {
    path: '/explore',
    title: 'Explore',
    load: () => import('./explore/explore.tsx'),
    navigation: { section: 'Understand', icon: ChartLine },
    keywords: 'query sql chart csv png',
  },
  {
    path: '/people',
    title: 'People and channels',
    load: () => import('./people/people.tsx'),
    navigation: { section: 'Manage', icon: Users },
    permission: 'administer',
    keywords: 'receivers recipients email slack test',
  },
  {
    path: '/keys',
    title: 'Keys',
    load: () => import('./keys/keys.tsx'),
    navigation: { section: 'Manage', icon: KeyRound },
    permission: 'manageKeys',
    keywords: 'api keys tokens access',
  },
  {
    path: '/storage',
    title: 'Retention and health',
    load: () => import('./storage/storage.tsx'),
    navigation: { section: 'Manage', icon: HardDrive },
    permission: 'administer',
    keywords: 'disk tables questdb rows',
  },
  {
    path: '/setup',
    title: 'Setup',
    load: () => import('./setup/setup.tsx'),
    navigation: { section: 'Manage', icon: Rocket },
    keywords: 'install agent framework getting started',
  },
];

const PATTERNS = ROUTES.map((route) => ({ route, ...parse(route.path) }));

/** Returns the view of a path. */
export function findRoute(path: string): { route: Route; parameters: ViewParameters } | undefined {
  for (const { route, keys, pattern } of PATTERNS) {
    const match = pattern.exec(path);
    if (!match) continue;
    const parameters = Object.fromEntries(
      keys.map((key, index) => [key, decodePart(match[index + 1] ?? '')]),
    );
    return { route, parameters };
  }
  return undefined;
}

/** Whether the first view and its preloaded answers are on their way. The counts in the navigation wait for them. */
export const isPreloading = signal(true);

/** Loads a view and its first answers while the server checks the key. The app reports errors. */
export async function preloadView(path: string): Promise<void> {
  try {
    const view = await findRoute(path)?.route.load();
    await view?.preload?.();
  } catch {
    // The app loads the view again, and reports the error.
  } finally {
    isPreloading.value = false;
  }
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
