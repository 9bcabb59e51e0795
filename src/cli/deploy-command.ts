import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatExamples, parseHttpUrl } from './command-options.ts';
import { print, printJson } from './command-output.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

interface DeployOptions extends ServerOptions {
  service: string;
  version: string;
  environment?: string;
  commit?: string;
  author?: string;
  link?: string;
  at?: string;
  json?: true;
}

/** Adds `perfscope deploy`. */
export function addDeployCommand(program: Command): void {
  addServerOptions(
    program
      .command('deploy')
      .description(
        'Record a deploy, so that the server compares the new version with the previous version',
      ),
  )
    .requiredOption('--service <name>', 'Service name, as in its measurements')
    .requiredOption('--version <version>', 'Version, as in the resource attribute service.version')
    .option(
      '--environment <name>',
      'Environment, such as production; default: the only one of the service',
    )
    .option('--commit <id>', 'Commit of the version')
    .option('--author <name>', 'Author of the deploy; default: the API key')
    .addOption(
      new Option('--link <address>', 'Link to the pipeline or the release').argParser(parseHttpUrl),
    )
    .addOption(
      new Option('--at <time>', 'Start of the deploy, as an ISO 8601 time; default: now').argParser(
        parseTime,
      ),
    )
    .option('--json', 'Print JSON')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope deploy --service booking --version 1.8.0 --environment production',
        'perfscope deploy --service booking --version 1.8.0 --commit "$GITHUB_SHA"',
      ),
    )
    .action(recordDeploy);
}

function parseTime(text: string): string {
  const ms = Date.parse(text);
  if (Number.isNaN(ms) || !/^\d{4}-\d\d-\d\d/.test(text)) {
    throw new InvalidArgumentError('It must be an ISO 8601 time, such as 2030-01-31T08:00:00Z.');
  }
  return new Date(ms).toISOString();
}

async function recordDeploy(options: DeployOptions): Promise<void> {
  const { service, version, environment, commit, author, link, at, json } = options;
  const body = {
    ...{ service, version },
    ...(environment !== undefined && { environment }),
    ...(commit !== undefined && { commit }),
    ...(author !== undefined && { author }),
    ...(link !== undefined && { url: link }),
    ...(at !== undefined && { at }),
  };
  const { deploys } = await withServerClient(options, (client) => client.recordDeploy(body));
  const [deploy] = deploys;
  if (json) return printJson(deploy);
  const after = deploy?.previousVersion ? ` after ${deploy.previousVersion}` : '';
  print(`Recorded ${version} of ${service}${after}. ID: ${deploy?.id}`);
}
