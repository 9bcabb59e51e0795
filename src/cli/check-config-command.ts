import type { Command } from 'commander';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { print } from './command-output.ts';

export function addCheckConfigCommand(program: Command): void {
  program
    .command('check-config')
    .description(
      'check the environment variables, the rules and the notify file without starting anything',
    )
    .addHelpText('after', formatExamples('PERFORMANCE_RETENTION_DAYS=60 perfscope check-config'))
    .action(async () => {
      const { settings } = requireStartupConfig();
      (await import('./load-config-files.ts')).loadConfiguredAlertRules(settings);
      const { validateChannels: checkChannels, loadConfiguredNotifyFile: checkNotify } =
        await import('./load-config-files.ts');
      checkChannels(checkNotify(settings));
      const { loadConfiguredBusinessRules: checkBusinessRules } = await import(
        './load-config-files.ts'
      );
      checkBusinessRules(settings.PERFORMANCE_BUSINESS_RULES_FILE);
      print('The configuration is valid.');
    });
}
