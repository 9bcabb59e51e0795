import { type Command, InvalidArgumentError, Option } from 'commander';
import { findQuestdbTargets, type StartupConfig } from '../core/config/startup-config.ts';
import { findClosestMatch } from '../core/did-you-mean.ts';
import { createError, errorMessage } from '../core/errors.ts';
import { type Person, ROLES } from '../core/people.ts';
import type { Actor } from '../server/access/api-key-store.ts';
import type { NotificationConfig } from '../server/notifications/config/notification-config.ts';
import type { PeopleStore } from '../server/notifications/people/people-store.ts';
import { requireQuestdbTargets, requireStartupConfig, withQueryClient } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, printJson, printStatus } from './command-output.ts';

type Labels = Readonly<Record<string, string>>;

/** How long one channel may take. */
const ATTEMPT_TIMEOUT_MS = 15_000;

/** `perfscope notify`: who would be told, and whether they can be. */
export function addNotifyCommand(program: Command): void {
  const notify = program
    .command('notify')
    .description('try receivers and routes of PERFORMANCE_NOTIFY_FILE, and name people')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope notify test oncall',
        'perfscope notify routes --labels service=booking severity=critical organization=anna',
        'perfscope notify people list',
      ),
    );
  notify
    .command('test <receiver>')
    .description('send a sample through each of its channels, and say what became of it')
    .option(
      '--labels <label...>',
      'of the sample, as organization=anna property=north',
      parseLabelOption,
      {},
    )
    .option('--json', 'one JSON object')
    .action(testReceiver);
  notify
    .command('routes')
    .description('show where an alert would go now')
    .requiredOption('--labels <label...>', 'of the alert, as service=booking', parseLabelOption, {})
    .option('--json', 'one JSON object')
    .action(printRoutes);
  addPeopleCommand(notify);
}

/** Adds `name=value` to those before it. @throws InvalidArgumentError */
function parseLabelOption(text: string, before: Labels): Labels {
  const [, name, value] = /^([a-zA-Z_]\w*)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must be a label such as service=booking.');
  }
  return { ...before, [name]: value };
}

async function testReceiver(
  name: string,
  { labels, json }: { labels: Labels; json?: true },
): Promise<void> {
  const from = requireStartupConfig();
  const { loadConfiguredNotifyFile: checkNotify } = await import('./load-config-files.ts');
  const plan = checkNotify(from.settings);
  const receiver = plan.receivers.get(name);
  if (!receiver) {
    const known = [...plan.receivers.keys()];
    throw createError('PS_RECEIVER_UNKNOWN', {
      name,
      nearest: findClosestMatch(name, known),
      known,
    });
  }
  const { createSampleAlert: sampleAlert, createSampleDelivery: sampleDelivery } = await import(
    '../server/notifications/message/sample-message.ts'
  );
  const { findTargets: receiverTargets } = await import(
    '../server/notifications/routing/notification-target.ts'
  );
  const { ChannelResolver, isUnavailable } = await import(
    '../server/notifications/channels/channel-resolver.ts'
  );
  const { createChannel } = await import('../server/notifications/channels/create-channel.ts');
  const opener = new ChannelResolver(createChannel);
  const alert = sampleAlert(labels, Date.now());
  const people = await loadAllPeople(from, plan);
  const results = await Promise.all(
    receiverTargets(receiver, alert, people).map(async (target) => {
      const delivery = sampleDelivery(target, alert, plan.timeZone, Date.now());
      const channel = opener.resolve(target, plan, people);
      if (isUnavailable(channel)) {
        return { channel: target.kind, status: 'permanent', detail: channel.reason };
      }
      const { kind, recipient } = channel;
      const signal = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS);
      const outcome = await channel.deliver(delivery.message, signal);
      if (kind === 'inApp') await storeSampleNotification(from, delivery, recipient);
      const detail = outcome.status === 'delivered' ? outcome.detail : outcome.reason;
      return { channel: kind, recipient, status: outcome.status, detail };
    }),
  );
  if (results.length === 0) {
    printStatus(
      `A sample with these labels concerns nobody of ${name}. Name a tenant with --labels.`,
    );
  }
  if (json) printJson({ receiver: name, results });
  else if (results.length > 0) {
    const rows = results.map(({ channel, recipient, status, detail }) => [
      ...[channel, recipient, status, detail],
    ]);
    process.stdout.write(formatTable(['channel', 'recipient', 'outcome', 'detail'], rows));
  }
  const failed = results.length === 0 || results.some(({ status }) => status !== 'delivered');
  if (failed) process.exitCode = 1;
}

/** In-app notifications are rows: the sample becomes one too. @throws PS_NO_TARGET, PS_FLUSH_TIMEOUT */
async function storeSampleNotification(
  from: StartupConfig,
  delivery: Parameters<
    typeof import('../server/notifications/record/notification-recorder.ts').toDeliveryRow
  >[0],
  recipient: string,
): Promise<void> {
  const { write } = requireQuestdbTargets(from);
  const { createWriter: openWriter } = await import('../storage/write/create-writer.ts');
  const { DroppedRowCounter } = await import('../storage/write/dropped-rows.ts');
  const { toDeliveryRow: deliveryRow } = await import(
    '../server/notifications/record/notification-recorder.ts'
  );
  const { stderrLogger: log } = await import('../core/log.ts');
  const writer = openWriter({
    config: from,
    log,
    dropped: new DroppedRowCounter(),
    spoolDir: undefined,
    target: () => write,
  });
  try {
    const became = { status: 'delivered', reason: 'delivered', detail: undefined } as const;
    const row = deliveryRow(delivery, { ...became, recipient, atMs: Date.now() });
    writer.add('notifications', [row]);
    await writer.flush(ATTEMPT_TIMEOUT_MS);
  } finally {
    await writer.close();
  }
}

async function printRoutes({ labels, json }: { labels: Labels; json?: true }): Promise<void> {
  const { loadConfiguredNotifyFile: checkNotify } = await import('./load-config-files.ts');
  const { findMute: mutedNow, findRoutes: routesFor } = await import(
    '../server/notifications/routing/route-alerts.ts'
  );
  const { findTargets: receiverTargets } = await import(
    '../server/notifications/routing/notification-target.ts'
  );
  const { createSampleAlert: sampleAlert } = await import(
    '../server/notifications/message/sample-message.ts'
  );
  const from = requireStartupConfig();
  const plan = checkNotify(from.settings);
  const people = await loadAllPeople(from, plan);
  const now = Date.now();
  const alert = sampleAlert(labels, now);
  const found = routesFor(alert, plan.route).flatMap((route) => {
    const { path, escalation, digest } = route;
    const muted = mutedNow(route, now)?.by;
    return route.receivers.flatMap((name) => {
      const receiver = plan.receivers.get(name);
      const targets = receiver ? receiverTargets(receiver, alert, people) : [];
      return targets.map(({ kind, role, person, property }) => ({
        route: path === '' ? 'root' : path,
        receiver: name,
        channel: kind,
        for: role ?? person,
        property,
        escalation,
        digest,
        muted,
      }));
    });
  });
  if (json) printJson({ routes: found });
  else if (found.length === 0) printStatus('Nobody would be told.');
  else {
    const head = [
      'route',
      'receiver',
      'channel',
      'for',
      'property',
      'escalation',
      'digest',
      'muted',
    ];
    const rows = found.map((each) => Object.values(each));
    process.stdout.write(formatTable(head, rows));
  }
}

interface AddPersonOptions {
  role: string;
  organization?: string;
  property?: string[];
  email?: string;
  phone?: string;
  user?: string;
  json?: true;
}

/** `perfscope notify people`: who can be told, beside those of the file. */
function addPeopleCommand(notify: Command): void {
  const people = notify
    .command('people')
    .description('list, name and remove the people of the API, whom every server tells')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope notify people add ann --role ADMIN --email ann@hotel.example',
        'perfscope notify people remove ann',
      ),
    );
  people
    .command('list')
    .description('list them, with masked addresses')
    .option('--json', 'print a JSON array')
    .action(({ json }: { json?: true }) =>
      withPeopleStore(async (book) => printPeople(book.people, json)),
    );
  people
    .command('add <name>')
    .description('name somebody, or replace whoever has her name')
    .addOption(
      new Option('--role <role>', 'of what she is told').choices(ROLES).makeOptionMandatory(),
    )
    .option('--organization <id>', 'whose alerts; all but an ADMIN need one')
    .option('--property <id...>', 'only of these properties')
    .option('--email <address>', 'as ann@hotel.example')
    .option('--phone <number>', 'as +43123456789')
    .option('--user <subject>', 'subject of her key or token, as token:ann')
    .option('--json', 'print a JSON array of this one')
    .action((name: string, { json, property: properties, ...rest }: AddPersonOptions) =>
      withPeopleStore(async (book, actor) =>
        printPeople([await book.set({ ...rest, name, properties }, actor)], json),
      ),
    );
  people
    .command('remove <name>')
    .description('remove somebody, with her addresses')
    .option('--json', 'print a JSON array of this one')
    .action((name: string, { json }: { json?: true }) =>
      withPeopleStore(async (book, actor) => printPeople([await book.remove(name, actor)], json)),
    );
}

/** Loads what it needs for QuestDB only when it is needed. */
async function withPeopleStore(
  use: (book: PeopleStore, actor: Actor) => Promise<void>,
): Promise<void> {
  const { withStoredState: withRoad } = await import('./with-stored-state.ts');
  const { PeopleStore } = await import('../server/notifications/people/people-store.ts');
  await withRoad(async ({ actor, ...road }) => {
    const book = new PeopleStore(road);
    await book.load();
    await use(book, actor);
  });
}

async function printPeople(people: readonly Person[], json?: true): Promise<void> {
  const { toPersonView: viewOf } = await import('../server/notifications/notification-service.ts');
  const views = people.map((person) => viewOf({ person, source: 'api', hidden: false }));
  const shown = views.map(({ source: _, hidden: __, ...view }) => view);
  if (json) return printJson(shown);
  const rows = shown.map(({ name, role, organizationId, properties, email, phone, user }) => [
    ...[name, role, organizationId ?? 'all', properties?.join(', ') ?? 'all', email, phone, user],
  ]);
  const head = ['name', 'role', 'organization', 'properties', 'email', 'phone', 'user'];
  process.stdout.write(formatTable(head, rows));
}

/** Who can be told: those of the file and, where a QuestDB is known, those of the API. */
async function loadAllPeople(
  from: StartupConfig,
  plan: NotificationConfig,
): Promise<readonly Person[]> {
  if (!findQuestdbTargets(from)) return plan.people;
  const { loadStoredPeople: storedPeople } = await import(
    '../server/notifications/people/people-store.ts'
  );
  const { PeopleRegistry } = await import('../server/notifications/people/people-registry.ts');
  const { stderrLogger: log } = await import('../core/log.ts');
  try {
    const people = await withQueryClient(from, ({ read }) => storedPeople(read));
    return new PeopleRegistry({ file: () => plan.people, stored: { people, isLoaded: true }, log })
      .all;
  } catch (error) {
    printStatus(`The people of the API are not known: ${errorMessage(error)}`);
    return plan.people;
  }
}
