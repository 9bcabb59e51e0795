import { type Command, InvalidArgumentError, Option } from 'commander';
import { findQuestdbTargets, type StartupConfig } from '../core/config/startup-config.ts';
import { findClosestMatch } from '../core/did-you-mean.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import type { Person } from '../core/person-and-roles.ts';
import { toLabelName } from '../core/vocabulary.ts';
import type { NotificationConfig } from '../server/notifications/config/notification-config.ts';
import { requireQuestdbTargets, requireStartupConfig, withQueryClient } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, printJson, printStatus } from './command-output.ts';
import { addNotifyPeopleCommand } from './notify-people-command.ts';

type Labels = Readonly<Record<string, string>>;

/** Maximum duration of the write of an in-app message. */
const WRITE_TIMEOUT_MS = 15_000;

/** Adds `perfscope notify` and its subcommands. */
export function addNotifyCommand(program: Command): void {
  const notify = program
    .command('notify')
    .description('Test the receivers and routes in PERFORMANCE_NOTIFY_FILE, and manage people')
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
    .description('Send a sample alert through each channel of a receiver and print the results')
    .addOption(
      new Option(
        '--labels <label...>',
        'Labels of the sample alert, such as organization=anna property=north',
      )
        .argParser(parseLabelOption)
        .default({}, 'none'),
    )
    .option('--json', 'Print one JSON object')
    .action(testReceiver);
  notify
    .command('routes')
    .description('Show where an alert would be sent now')
    .addOption(
      new Option('--labels <label...>', 'Labels of the alert, such as service=booking')
        .argParser(parseLabelOption)
        .default({}, 'none'),
    )
    .option('--json', 'Print one JSON object')
    .action(printRoutes);
  addNotifyPeopleCommand(notify);
}

/** Adds a label `name=value` to the previous labels. @throws InvalidArgumentError */
function parseLabelOption(text: string, previous: Labels): Labels {
  const [, name, value] = /^([a-zA-Z_]\w*)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must be a label, such as service=booking.');
  }
  return { ...previous, [toLabelName(name)]: value };
}

async function testReceiver(
  name: string,
  { labels, json }: { labels: Labels; json?: true },
): Promise<void> {
  const config = requireStartupConfig();
  const { loadConfiguredNotifyFile } = await import('./load-config-files.ts');
  const notificationConfig = loadConfiguredNotifyFile(config.settings);
  const receiver = notificationConfig.receivers.get(name);
  if (!receiver) {
    const receiverNames = [...notificationConfig.receivers.keys()];
    throw createError('PS_RECEIVER_UNKNOWN', {
      name,
      nearest: findClosestMatch(name, receiverNames),
      known: receiverNames,
    });
  }
  const { sendSamples } = await import('../server/notifications/delivery/send-samples.ts');
  const { ChannelResolver } = await import('../server/notifications/channels/channel-resolver.ts');
  const { createChannel } = await import('../server/notifications/channels/create-channel.ts');
  const resolver = new ChannelResolver(createChannel);
  const people = await loadAllPeople(config, notificationConfig);
  const results = await sendSamples(receiver, labels, {
    config: notificationConfig,
    people,
    resolveChannel: (target) => resolver.resolve(target, notificationConfig, people),
    storeInApp: (delivery, recipient) => storeSampleNotification(config, delivery, recipient),
  });
  if (results.length === 0) {
    printStatus(
      `Receiver ${name} has no recipient for these labels. Specify a tenant with --labels.`,
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

/** Stores the sample as a row, like any in-app notification. @throws PS_NO_TARGET, PS_FLUSH_TIMEOUT */
async function storeSampleNotification(
  config: StartupConfig,
  delivery: Parameters<
    typeof import('../server/notifications/delivery/notification-recorder.ts').toDeliveryRow
  >[0],
  recipient: string,
): Promise<void> {
  const { write } = requireQuestdbTargets(config);
  const { createWriter } = await import('../storage/write/create-writer.ts');
  const { DroppedRowCounter } = await import('../storage/spool/dropped-rows.ts');
  const { toDeliveryRow } = await import(
    '../server/notifications/delivery/notification-recorder.ts'
  );
  const { commandLogger: log } = await import('../core/log.ts');
  const writer = createWriter({
    config,
    log,
    dropped: new DroppedRowCounter(),
    spoolDir: undefined,
    isServer: true,
    target: () => write,
  });
  try {
    const { toSampleAttempt } = await import('../server/notifications/delivery/send-samples.ts');
    const row = toDeliveryRow(delivery, toSampleAttempt(recipient));
    writer.add('notifications', [row]);
    await writer.flush(WRITE_TIMEOUT_MS);
  } finally {
    await writer.close();
  }
}

async function printRoutes({ labels, json }: { labels: Labels; json?: true }): Promise<void> {
  const { loadConfiguredNotifyFile } = await import('./load-config-files.ts');
  const { findMute, findRoutes } = await import('../server/notifications/routing/route-alerts.ts');
  const { findTargets } = await import('../server/notifications/routing/notification-target.ts');
  const { createSampleAlert } = await import('../server/notifications/message/sample-message.ts');
  const config = requireStartupConfig();
  const notificationConfig = loadConfiguredNotifyFile(config.settings);
  const people = await loadAllPeople(config, notificationConfig);
  const now = Date.now();
  const alert = createSampleAlert(labels, now);
  const routes = findRoutes(alert, notificationConfig.route).flatMap((route) => {
    const { path, escalation, digest } = route;
    const muted = findMute(route, now)?.by;
    return route.receivers.flatMap((name) => {
      const receiver = notificationConfig.receivers.get(name);
      const targets = receiver ? findTargets(receiver, alert, people) : [];
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
  if (json) printJson({ routes });
  else if (routes.length === 0) printStatus('No one would be notified.');
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
    const rows = routes.map((each) => Object.values(each));
    process.stdout.write(formatTable(head, rows));
  }
}

/**
 * Returns the people in the file and, if QuestDB is available, the people added through the API.
 */
async function loadAllPeople(
  config: StartupConfig,
  notificationConfig: NotificationConfig,
): Promise<readonly Person[]> {
  if (!findQuestdbTargets(config)) return notificationConfig.people;
  const { loadStoredPeople } = await import('../server/notifications/people/people-store.ts');
  const { PeopleRegistry } = await import('../server/notifications/people/people-registry.ts');
  const { commandLogger: log } = await import('../core/log.ts');
  try {
    const people = await withQueryClient(config, ({ read }) => loadStoredPeople(read));
    return new PeopleRegistry({
      file: () => notificationConfig.people,
      stored: { people, isLoaded: true },
      log,
    }).all;
  } catch (error) {
    printStatus(`Failed to load the people added through the API: ${errorMessage(error)}`);
    return notificationConfig.people;
  }
}
