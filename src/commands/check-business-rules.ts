import { type BusinessRules, loadBusinessRules, NO_RULES } from '../actions/rules/load/load.ts';
import { readNamed } from '../entries/watched-file.ts';
import { refusalOfWebhook } from '../open-actions.ts';

/** The rules of a file; without one there are none. @throws PS_BUSINESS_RULES_INVALID */
export function checkBusinessRules(path: string | undefined): BusinessRules {
  if (path === undefined) return NO_RULES;
  return loadBusinessRules(readNamed(path, 'PS_BUSINESS_RULES_INVALID'), refusalOfWebhook);
}
