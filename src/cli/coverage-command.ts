import { type Command, Option } from 'commander';
import { UNRESTRICTED_SCOPE } from '../core/tenant-scope.ts';
import { queryCoverage, type ServiceCoverage } from '../storage/queries/coverage-query.ts';
import { getLastRange } from '../storage/queries/time-range.ts';
import { requireStartupConfig, withQueryClient } from './command-context.ts';
import { formatExamples, parseDuration } from './command-options.ts';
import { formatTable, print, printJson } from './command-output.ts';

export function addCoverageCommand(program: Command): void {
  program
    .command('coverage')
    .description('List the libraries that your services use, and whether they are measured')
    .addOption(
      new Option('--last <time>', 'Time range of the reports')
        .argParser(parseDuration)
        .default(3_600_000, '1h'),
    )
    .option('--json', 'Print JSON')
    .addHelpText(
      'after',
      formatExamples('perfscope coverage', 'perfscope coverage --last 1d --json'),
    )
    .action((options: { last: number; json?: true }) =>
      withQueryClient(requireStartupConfig(), async (queryClient) => {
        const range = getLastRange(options.last);
        const coverage = await queryCoverage(queryClient, { scope: UNRESTRICTED_SCOPE, range });
        if (options.json) printJson(coverage);
        else if (coverage.length === 0)
          print('No service has reported its libraries in this time.');
        else process.stdout.write(`${formatTable(HEADERS, coverage.map(toCells))}\n`);
      }),
    );
}

const HEADERS = ['Service', 'Version', 'Library', 'Library version', 'Measured', 'Reason'];

function toCells(row: ServiceCoverage): string[] {
  const processes = row.measured + row.unmeasured;
  return [
    row.service,
    row.version ?? '',
    row.library,
    row.libraryVersion ?? '',
    `${row.measured} of ${processes}`,
    row.reason ?? '',
  ];
}
