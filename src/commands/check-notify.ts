import type { Settings } from '../config/settings.ts';
import { readNamed } from '../entries/watched-file.ts';
import { openEntry } from '../notify/open-entry.ts';
import { loadNotifyPlan } from '../notify/plan/load.ts';
import type { NotifyPlan } from '../notify/plan/plan.ts';
import { reachesPeople } from '../notify/route/target.ts';

/** What PERFORMANCE_NOTIFY_FILE says, or what counts without it. @throws PS_NOTIFY_INVALID */
export function checkNotify(settings: Settings): NotifyPlan {
  const { PERFORMANCE_NOTIFY_FILE: path, PERFORMANCE_TIME_ZONE: zone } = settings;
  const file = path === undefined ? undefined : readNamed(path, 'PS_NOTIFY_INVALID');
  return loadNotifyPlan(zone, file);
}

/** Opens every channel that has its own address. @throws PS_CHANNEL_SECRET, PS_CHANNEL_INVALID */
export function checkChannels({ receivers }: NotifyPlan): void {
  for (const receiver of receivers.values()) {
    for (const entry of receiver.channels) {
      if (entry.kind === 'inApp' || reachesPeople(receiver, entry.kind)) continue;
      openEntry(entry, undefined);
    }
  }
}
