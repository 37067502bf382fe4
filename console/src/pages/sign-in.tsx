/** Signing in: a key pasted once, or the issuer. */

import { useState } from 'preact/hooks';

import { getEngine } from '../../client';
import { body, isSignInNeeded } from '../api/client';
import { credential, keepCredential } from '../api/credential';
import { asRejection, type Rejection } from '../api/rejection';
import { configuration, signInRejection, signInWithKey, type Issuer } from '../api/session';
import { Icon } from '../ui/icons';
import { Rejected } from '../ui/rejected';

/** Show the ways to sign in. */
export function SignIn() {
  const [key, setKey] = useState('');
  const [rejection, setRejection] = useState<Rejection>();
  const [isBusy, setBusy] = useState(false);
  const issuer = configuration.value?.oidc ?? undefined;
  const acceptsKeys = configuration.value?.acceptsApiKeys ?? true;
  const shown = rejection ?? signInRejection.value;

  const tryKey = async (): Promise<void> => {
    setBusy(true);
    setRejection(undefined);
    try {
      await body(getEngine({ auth: () => key.trim(), throwOnError: true }));
      signInWithKey(key.trim());
    } catch (error) {
      const failure = asRejection(error);
      // A key without `sa:read` is a key all the same: each page says what it lacks.
      if (failure.status === 403) signInWithKey(key.trim());
      else setRejection(failure);
    } finally {
      setBusy(false);
    }
  };

  return (
    <div class="sign-in">
      <h1>Sign in</h1>
      <p class="soft">
        This server answers only with a credential
        {credential.value === undefined ? '.' : ', and it rejected the one of this tab.'}
      </p>
      {shown !== undefined && <Rejected rejection={shown} />}
      {issuer !== undefined && <AtIssuer issuer={issuer} reject={setRejection} />}
      {acceptsKeys && (
        <form
          class="sign-in-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (key.trim() !== '') void tryKey();
          }}
        >
          <label>
            <span>API key</span>
            <input
              class="input mono"
              type="password"
              autocomplete="off"
              spellcheck={false}
              value={key}
              onInput={(event) => {
                setKey(event.currentTarget.value);
              }}
            />
          </label>
          <button type="submit" class="button primary" disabled={isBusy || key.trim() === ''}>
            <Icon name="key" />
            Use this key
          </button>
        </form>
      )}
      <p class="soft small">
        A key stays in this tab’s session storage: it ends with the tab, and is never part of an address.
        <br />
        <code>
          sa-contexts keys add console --scope sa:read --scope events:read --scope diagnostics:read --scope
          metrics:read
        </code>{' '}
        makes one.
      </p>
      {credential.value !== undefined && (
        <button
          type="button"
          class="button"
          onClick={() => {
            keepCredential(undefined);
            isSignInNeeded.value = true;
          }}
        >
          Forget the rejected credential
        </button>
      )}
    </div>
  );
}

function AtIssuer({ issuer, reject }: { issuer: Issuer; reject: (rejection: Rejection) => void }) {
  const leave = async (): Promise<void> => {
    try {
      const { signInAtIssuer } = await import('../api/oidc');
      await signInAtIssuer(issuer);
    } catch (error) {
      reject(asRejection(error));
    }
  };
  return (
    <div>
      <button
        type="button"
        class="button primary"
        onClick={() => {
          void leave();
        }}
      >
        Sign in at {new URL(issuer.issuer).host}
      </button>
    </div>
  );
}
