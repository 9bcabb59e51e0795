import type { Settings } from '../core/config/parse-settings.ts';
import { readNamedFile } from '../core/config-files/watched-file.ts';
import { collectDeprecatedNames } from '../core/vocabulary.ts';
import {
  type BusinessRules,
  loadBusinessRules,
  NO_RULES,
} from '../server/actions/business-rules/load-business-rules.ts';
import { listRulesAndTargets } from '../server/alerts/objectives/target-rule.ts';
import type { AlertRule } from '../server/alerts/rules/alert-rule.ts';
import {
  type AlertRuleSet,
  loadAlertRules,
  readRulesFile,
} from '../server/alerts/rules/load-alert-rules.ts';
import { createChannel } from '../server/notifications/channels/create-channel.ts';
import { loadNotificationConfig } from '../server/notifications/config/load-notification-config.ts';
import type { NotificationConfig } from '../server/notifications/config/notification-config.ts';
import { isAddressedToPeople } from '../server/notifications/routing/notification-target.ts';
import { validateWebhookUrl } from '../server/startup/create-actions.ts';
import { printStatus } from './command-output.ts';

/** Loads the built-in rules and PERFORMANCE_RULES_FILE. @throws PS_RULES_INVALID */
export function loadConfiguredAlertRules(settings: Settings): AlertRuleSet {
  const { PERFORMANCE_RULES_FILE: path } = settings;
  if (path === undefined) return loadAlertRules(settings);
  return printNotices(path, () => loadAlertRules(settings, readRulesFile(path)));
}

/** Loads the rules and targets whose limits Grafana panels show. @throws PS_RULES_INVALID */
export function loadPanelRules(settings: Settings): AlertRule[] {
  return listRulesAndTargets(loadConfiguredAlertRules(settings));
}

/** Loads a business rules file. Without a path, there are no rules. @throws PS_BUSINESS_RULES_INVALID */
export function loadConfiguredBusinessRules(path: string | undefined): BusinessRules {
  if (path === undefined) return NO_RULES;
  const file = readNamedFile(path, 'PS_BUSINESS_RULES_INVALID');
  return printNotices(path, () => loadBusinessRules(file, validateWebhookUrl));
}

/** Loads PERFORMANCE_NOTIFY_FILE, or the defaults without a file. @throws PS_NOTIFY_INVALID */
export function loadConfiguredNotifyFile(settings: Settings): NotificationConfig {
  const { PERFORMANCE_NOTIFY_FILE: path, timeZone: zone } = settings;
  if (path === undefined) return loadNotificationConfig(zone);
  const file = readNamedFile(path, 'PS_NOTIFY_INVALID');
  return printNotices(path, () => loadNotificationConfig(zone, file));
}

/** Loads a file, and prints a notice to stderr for each deprecated name in it. */
function printNotices<T>(path: string, load: () => T): T {
  const { value, notices } = collectDeprecatedNames(load);
  for (const notice of notices) printStatus(`${path}: ${notice}`);
  return value;
}

/** Creates each channel that has an address in the file. @throws PS_CHANNEL_SECRET, PS_CHANNEL_INVALID */
export function validateChannels({ receivers }: NotificationConfig): void {
  for (const receiver of receivers.values()) {
    for (const entry of receiver.channels) {
      if (entry.kind === 'inApp' || isAddressedToPeople(receiver, entry.kind)) continue;
      createChannel(entry);
    }
  }
}
