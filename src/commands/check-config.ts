import type { Command } from 'commander';
import { examples } from './options.ts';
import { say } from './output.ts';
import { started } from './start.ts';

export function addCheckConfig(program: Command): void {
  program
    .command('check-config')
    .description(
      'check the environment variables, the rules and the notify file without starting anything',
    )
    .addHelpText('after', examples('PERFORMANCE_RETENTION_DAYS=60 perfscope check-config'))
    .action(async () => {
      const { settings } = started();
      (await import('./check-rules.ts')).checkRules(settings);
      const { checkChannels, checkNotify } = await import('./check-notify.ts');
      checkChannels(checkNotify(settings));
      const { checkBusinessRules } = await import('./check-business-rules.ts');
      checkBusinessRules(settings.PERFORMANCE_BUSINESS_RULES_FILE);
      say('The configuration is valid.');
    });
}
