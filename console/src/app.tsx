/** The console: the frame, and in it the page that the URL names. */

import { useEffect, useRef } from 'preact/hooks';

import { Frame } from './frame';
import { CertificatePage, Certificates } from './pages/certificates';
import { ContextPage } from './pages/context';
import { Contexts } from './pages/contexts';
import { EnginePage } from './pages/engine';
import { FailurePage } from './pages/failure';
import { Failures } from './pages/failures';
import { NotFound } from './pages/not-found';
import { Overview } from './pages/overview';
import { PeerPage } from './pages/peer';
import { Peers } from './pages/peers';
import { SignIn } from './pages/sign-in';
import { Ended } from './pages/ended';
import { TunnelPage } from './pages/tunnel';
import { Tunnels } from './pages/tunnels';
import { isSignInNeeded } from './api/client';
import { isSessionKnown } from './api/session';
import { host } from './live/host';
import { route, type Route } from './route/route';

const TITLES: Record<string, string> = {
  peers: 'Peers',
  'sa-contexts': 'SA contexts',
  ended: 'Ended SA contexts',
  failures: 'Failures',
  tunnels: 'Tunnels',
  certificates: 'Certificates',
  engine: 'Engine',
};

/** Show the page that the URL names, or the way to sign in. */
export function App() {
  const { path } = route.value;
  const place = path.join('/');
  const before = useRef(place);
  const title = titleOf(path);

  useEffect(() => {
    document.title = [title, host.value, 'sa-contexts'].filter((part) => part !== '').join(' – ');
  }, [title, host.value]);
  useEffect(() => {
    // A screen reader then begins with the new page, and the keyboard's next stop is in it.
    if (before.current !== place) document.getElementById('main')?.focus();
    before.current = place;
  }, [place]);

  if (!isSessionKnown.value) return <p class="hidden">Loading</p>;
  return <Frame>{isSignInNeeded.value ? <SignIn /> : pageFor(route.value)}</Frame>;
}

function titleOf(path: readonly string[]): string {
  const [list = '', one] = path;
  const title = TITLES[list] ?? '';
  return one === undefined ? title : `${one.slice(0, 80)} – ${title}`;
}

function pageFor({ path, query }: Route) {
  const [list, one] = path;
  if (path.length > 2) return <NotFound />;
  switch (list) {
    case undefined:
      return <Overview />;
    case 'peers':
      return one === undefined ? <Peers query={query} /> : <PeerPage key={one} address={one} />;
    case 'sa-contexts':
      return one === undefined ? <Contexts query={query} /> : <ContextPage key={one} id={one} />;
    case 'ended':
      return <Ended query={query} />;
    case 'failures':
      return one === undefined ? <Failures query={query} /> : <FailurePage key={one} code={one} />;
    case 'tunnels':
      return one === undefined ? <Tunnels query={query} /> : <TunnelPage key={one} id={one} />;
    case 'certificates':
      return one === undefined ? (
        <Certificates query={query} />
      ) : (
        <CertificatePage key={one} thumbprint={one} />
      );
    case 'engine':
      return <EnginePage />;
    default:
      return <NotFound />;
  }
}
