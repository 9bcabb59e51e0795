import { type FileStatus, readNamed, WatchedFile } from '../../entries/watched-file.ts';
import type { Log } from '../../log.ts';
import type { ThresholdSettings } from '../rules/environment.ts';
import { loadRules, type RuleSet } from '../rules/load.ts';

/** The rules that run: the built-in ones and the user's file, read again whenever it changes. */
export class RulesFile {
  readonly #file: WatchedFile<RuleSet>;

  /** Begins with the built-in rules where the file is not valid, which the log says. */
  constructor(settings: ThresholdSettings, path: string | undefined, log: Log, now: number) {
    const initial = loadRules(settings);
    this.#file = new WatchedFile<RuleSet>(
      {
        path,
        initial,
        log,
        code: 'PS_RULES_INVALID',
        load: (file) => loadRules(settings, file),
        said: ({ rules }, from) => `${rules.length} alert rules run, with those of ${from}.`,
      },
      now,
    );
  }

  get set(): RuleSet {
    return this.#file.value;
  }

  get status(): FileStatus {
    return this.#file.status;
  }

  /** Looks whether the file has changed. @returns whether other rules run now */
  refresh(now: number): boolean {
    return this.#file.refresh(now);
  }
}

/** The file's text with the name that its problems have. @throws PS_RULES_INVALID */
export function readRulesFile(path: string) {
  return readNamed(path, 'PS_RULES_INVALID');
}
