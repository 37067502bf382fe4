/** The frame of every page: the bar with host and engine, the navigation, and the page itself. */

import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

import { getEngine } from '../client';
import { useAnswer } from './api/answer';
import { body, isSignInNeeded } from './api/client';
import { credential } from './api/credential';
import { signOut } from './api/session';
import { engine } from './live/host';
import { streamState } from './live/follow';
import { route } from './route/route';
import { Find } from './ui/find';
import { Icon, type IconName } from './ui/icons';
import { nextScheme, scheme } from './ui/scheme';
import { Sign, Tag } from './ui/words';
import type { Tone } from './words/states';

const PLACES: readonly { path: string; label: string; icon: IconName }[] = [
  { path: '', label: 'Overview', icon: 'overview' },
  { path: 'sa-contexts', label: 'SA contexts', icon: 'contexts' },
  { path: 'peers', label: 'Peers', icon: 'peers' },
  { path: 'failures', label: 'Failures', icon: 'failures' },
  { path: 'tunnels', label: 'Tunnels', icon: 'tunnels' },
  { path: 'certificates', label: 'Certificates', icon: 'certificates' },
  { path: 'engine', label: 'Engine', icon: 'engine' },
];

const STREAMS = {
  connecting: ['connecting', 'The list is being read.'],
  live: ['live', 'Changes appear as they happen.'],
  waiting: ['reconnecting', 'The connection is lost; what is shown is from before.'],
  paused: ['paused', 'Nobody saw the page for a minute.'],
  rejected: ['not live', 'The server does not send changes to this key or account.'],
} as const;

/** The pages that are one table, which scrolls by itself. */
const TABLES = ['sa-contexts', 'peers', 'tunnels', 'certificates', 'ended'];

/** Show the frame around a page. */
export function Frame({ children }: { children: ComponentChildren }) {
  const [list = '', one] = route.value.path;
  const isTable = TABLES.includes(list) && one === undefined && !isSignInNeeded.value;
  return (
    <div class="frame">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href="#/">
          <Icon name="contexts" size={20} />
          <span>sa-contexts</span>
        </a>
        {isSignInNeeded.value ? <bdi class="host">{location.host}</bdi> : <EngineState />}
        <span class="space" />
        <Live />
        {!isSignInNeeded.value && <Find />}
        <button
          type="button"
          class="button plain wide"
          onClick={nextScheme}
          title={`Colours: ${scheme.value}`}
        >
          <Icon name="scheme" />
          <span class="hidden">Colours: {scheme.value}</span>
        </button>
        {credential.value !== undefined && (
          <button type="button" class="button plain" onClick={signOut} title="Sign out">
            <Icon name="signOut" />
            <span class="hidden">Sign out</span>
          </button>
        )}
      </header>
      <nav class="nav" aria-label="Pages">
        {PLACES.map(({ path, label, icon }) => (
          <a
            key={path}
            href={`#/${path}`}
            title={label}
            {...(isAt(path, list) ? { 'aria-current': 'page' as const } : {})}
          >
            <Icon name={icon} />
            <span>{label}</span>
          </a>
        ))}
        <div class="end">
          <a href="docs">API documentation</a>
        </div>
      </nav>
      <main class={`main ${isTable ? 'fills' : ''}`} id="main" tabIndex={isTable ? -1 : 0}>
        {children}
      </main>
    </div>
  );
}

function isAt(path: string, list: string): boolean {
  return path === (list === 'ended' ? 'sa-contexts' : list);
}

function EngineState() {
  const answer = useAnswer(
    `engine ${credential.value?.value ?? ''}`,
    (signal) => body(getEngine({ signal, throwOnError: true })),
    10,
  );
  const { data, rejection } = answer;
  useEffect(() => {
    if (data !== undefined) engine.value = data;
  }, [data]);
  const known = engine.value;
  const [tone, text]: [Tone, string] =
    rejection?.status === 0
      ? ['bad', 'no answer']
      : rejection !== undefined && !rejection.isUnauthenticated
        ? ['warn', rejection.title]
        : known === undefined
          ? ['calm', '']
          : known.ready
            ? ['good', 'ready']
            : ['bad', 'not ready'];
  return (
    <a class="host" href="#/engine" title={known?.reasons.map((reason) => reason.detail).join('\n')}>
      <Sign tone={tone} />
      <bdi>{known?.host ?? location.host}</bdi>
      <span class="soft small">{text}</span>
      {known?.kind === 'simulator' && (
        <Tag tone="warn" title="These SA contexts are simulated.">
          simulated
        </Tag>
      )}
    </a>
  );
}

function Live() {
  const state = streamState.value;
  const [label, meaning] = state === undefined ? ['', ''] : STREAMS[state];
  return (
    <span class="live" data-state={state} role="status" title={meaning}>
      {state !== undefined && <span class="dot" aria-hidden="true" />}
      <span class="wide">{label}</span>
    </span>
  );
}
