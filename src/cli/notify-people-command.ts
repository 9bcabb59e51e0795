import { type Command, Option } from 'commander';
import { type Person, ROLES } from '../core/person-and-roles.ts';
import type { Actor } from '../server/access/api-key-store.ts';
import type { PeopleStore } from '../server/notifications/people/people-store.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, printJson, printStatus } from './command-output.ts';

interface AddPersonOptions {
  role: string;
  organization?: string;
  property?: string[];
  email?: string;
  phone?: string;
  user?: string;
  json?: true;
}

/** Adds `perfscope notify people`, which manages the people that are not in the notify file. */
export function addNotifyPeopleCommand(notify: Command): void {
  const people = notify
    .command('people')
    .description('List, add, and remove people who receive notifications from all servers')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope notify people add ann --role ADMIN --email ann@hotel.example',
        'perfscope notify people remove ann',
      ),
    );
  people
    .command('list')
    .description('List people, with masked addresses')
    .option('--json', 'Print a JSON array')
    .action(({ json }: { json?: true }) =>
      withPeopleStore(async (store) => printPeople(store.people, json)),
    );
  people
    .command('add <name>')
    .description('Add a person, or replace the person with the same name')
    .addOption(
      new Option('--role <role>', 'Role, which determines the alerts that the person receives')
        .choices(ROLES)
        .makeOptionMandatory(),
    )
    .option('--organization <id>', 'Organization; required for all roles except ADMIN')
    .option('--property <id...>', 'Limit alerts to these properties')
    .option('--email <address>', 'Email address, such as ann@hotel.example')
    .option('--phone <number>', 'Phone number, such as +43123456789')
    .option('--user <subject>', "Subject of the person's API key or token, such as token:ann")
    .option('--json', 'Print a JSON array with this person')
    .action((name: string, { json, property: properties, ...rest }: AddPersonOptions) =>
      withPeopleStore(async (store, actor) =>
        printPeople([await store.set({ ...rest, name, properties }, actor)], json),
      ),
    );
  people
    .command('remove <name>')
    .description('Remove a person and their addresses')
    .option('--json', 'Print a JSON array with this person')
    .action((name: string, { json }: { json?: true }) =>
      withPeopleStore(async (store, actor) => printPeople([await store.remove(name, actor)], json)),
    );
}

/** Calls `use` with the stored people. Loads the QuestDB modules only now, to keep other commands fast. */
async function withPeopleStore(
  use: (store: PeopleStore, actor: Actor) => Promise<void>,
): Promise<void> {
  const { withStoredState } = await import('./with-stored-state.ts');
  const { PeopleStore } = await import('../server/notifications/people/people-store.ts');
  await withStoredState(async ({ actor, ...pipeline }) => {
    const store = new PeopleStore(pipeline);
    await store.load();
    await use(store, actor);
  });
}

async function printPeople(people: readonly Person[], json?: true): Promise<void> {
  const { toPersonView } = await import('../server/notifications/notification-service.ts');
  const views = people.map((person) => toPersonView({ person, source: 'api', hidden: false }));
  const printed = views.map(({ source: _, hidden: __, ...view }) => view);
  if (json) return printJson(printed);
  if (printed.length === 0) return printStatus('No people were added.');
  const rows = printed.map(({ name, role, organizationId, properties, email, phone, user }) => [
    ...[name, role, organizationId ?? 'all', properties?.join(', ') ?? 'all', email, phone, user],
  ]);
  const head = ['name', 'role', 'organization', 'properties', 'email', 'phone', 'user'];
  process.stdout.write(formatTable(head, rows));
}
