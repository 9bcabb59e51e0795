import type { Command } from 'commander';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { print } from './command-output.ts';

export function addCheckConfigCommand(program: Command): void {
  program
    .command('check-config')
    .description('Check the environment variables and the configuration files')
    .addHelpText('after', formatExamples('PERFORMANCE_RETENTION_DAYS=60 perfscope check-config'))
    .action(checkConfig);
}

async function checkConfig(): Promise<void> {
  const { settings } = requireStartupConfig();
  const {
    loadConfiguredAlertRules,
    loadConfiguredBusinessRules,
    loadConfiguredNotifyFile,
    validateChannels,
  } = await import('./load-config-files.ts');
  loadConfiguredAlertRules(settings);
  validateChannels(loadConfiguredNotifyFile(settings));
  loadConfiguredBusinessRules(settings.PERFORMANCE_BUSINESS_RULES_FILE);
  print('The configuration is valid.');
}
