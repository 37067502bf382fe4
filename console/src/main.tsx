/** The console's entry point: renders the page into `#console`. */

import './style/tokens.css';
import './style/base.css';
import './style/frame.css';
import './style/parts.css';
import './style/table.css';
import './style/pages.css';

import { render } from 'preact';

import { setUpClient } from './api/client';
import { followSession } from './api/session';
import { App } from './app';
import { startClock } from './live/clock';
import { followAddressBar } from './route/route';
import { applyScheme } from './ui/scheme';

const root = document.getElementById('console');
if (root !== null) {
  setUpClient();
  followSession();
  followAddressBar();
  startClock();
  applyScheme();
  // In a task of its own: evaluating the script is one already.
  setTimeout(() => {
    render(<App />, root);
  });
}
