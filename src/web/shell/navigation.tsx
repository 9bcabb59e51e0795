import { Moon, Sun, SunMoon } from 'lucide';
import { useApi } from '../api/queries.ts';
import { caller, hasKey, isAllowed, signOut } from '../api/session.ts';
import { Icon, Logo } from '../design/icon.tsx';
import { setTheme, themeChoice } from '../design/theme.ts';
import { linkTo } from '../url/view-state.ts';
import { isPreloading, ROUTES, type Route, SECTIONS } from '../views/routes.ts';

/** The views of the product, and the caller's account. */
export function Navigation({ current }: { current: Route | undefined }) {
  const currentPath = current?.parent ?? current?.path;
  const routes = ROUTES.filter(
    ({ navigation, permission }) => navigation && (!permission || isAllowed(permission)),
  );
  return (
    <nav class="navigation" id="navigation" aria-label="Views">
      <a class="logo" href={linkTo('/')}>
        <Logo />
        Perfscope
      </a>
      {SECTIONS.map((section) => (
        <div key={section}>
          {section !== 'Observe' && <h2>{section}</h2>}
          <ul>
            {routes
              .filter(({ navigation }) => navigation?.section === section)
              .map(({ path, title, navigation }) => (
                <li key={path}>
                  <a href={linkTo(path)} aria-current={path === currentPath ? 'page' : undefined}>
                    <Icon node={navigation!.icon} size={15} />
                    {title}
                    {path === '/incidents' && <OpenIncidents />}
                    {path === '/alerts' && <FiringCount />}
                    {path === '/inbox' && <UnreadCount />}
                  </a>
                </li>
              ))}
          </ul>
        </div>
      ))}
      <Account />
    </nav>
  );
}

function OpenIncidents() {
  const { data } = useApi('incidents', { state: ['open'] }, { enabled: !isPreloading.value });
  const count = data?.incidents.length ?? 0;
  if (count === 0) return null;
  return (
    <span class="badge count" data-kind="critical">
      {count}
      <span class="visually-hidden"> open</span>
    </span>
  );
}

function FiringCount() {
  const { data } = useApi('alerts', { state: ['firing'] }, { enabled: !isPreloading.value });
  const count = data?.alerts.length ?? 0;
  if (count === 0) return null;
  return (
    <span class="badge count">
      {count}
      <span class="visually-hidden"> firing</span>
    </span>
  );
}

function UnreadCount() {
  const { data } = useApi(
    'notifications',
    { last: '7d', limit: 1 },
    { enabled: !isPreloading.value },
  );
  if (!data?.unread) return null;
  return (
    <span class="badge count" data-kind="accent">
      {data.unread}
      <span class="visually-hidden"> unread</span>
    </span>
  );
}

const THEMES = [
  ['light', 'Light theme', Sun],
  ['dark', 'Dark theme', Moon],
  ['system', 'Theme of the system', SunMoon],
] as const;

function Account() {
  const { name, role, organizationId, version } = caller.value ?? {};
  return (
    <div class="account small muted">
      <fieldset class="buttons" aria-label="Theme">
        {THEMES.map(([choice, label, icon]) => (
          <button
            key={choice}
            type="button"
            class="button"
            data-kind={themeChoice.value === choice ? undefined : 'quiet'}
            aria-pressed={themeChoice.value === choice}
            aria-label={label}
            title={label}
            onClick={() => setTheme(choice)}
          >
            <Icon node={icon} size={14} />
          </button>
        ))}
      </fieldset>
      {name !== undefined && (
        <p class="name truncate" title={`${name}, ${role}`}>
          {name}
          <br />
          <span class="faint">
            {role}
            {organizationId && ` · ${organizationId}`}
          </span>
        </p>
      )}
      {hasKey.value && (
        <button type="button" class="button" onClick={signOut}>
          Sign out
        </button>
      )}
      {version && <p class="faint">Version {version}</p>}
    </div>
  );
}
