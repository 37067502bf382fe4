/** A request's failure, in the server's own words, and what can be done about it. */

import type { Rejection } from '../api/rejection';
import { Sign } from './words';

/** Say why there is no answer, or no newer one. */
export function Rejected({
  rejection,
  again,
  isOld = false,
}: {
  rejection: Rejection;
  again?: () => void;
  isOld?: boolean;
}) {
  const tone = rejection.isTemporary ? 'warn' : 'bad';
  return (
    <div class={`notice ${tone}`} role="status">
      <Sign tone={tone} />
      <div>
        <strong>{rejection.title}</strong>
        {rejection.scope !== undefined && (
          <p>
            The key or account needs the scope <code>{rejection.scope}</code>.
          </p>
        )}
        {rejection.detail !== '' && rejection.scope === undefined && <p class="detail">{rejection.detail}</p>}
        {isOld && <p class="soft">What is shown is from before.</p>}
        <p class="soft small">
          <code>{rejection.code}</code>
          {rejection.retryAfter !== undefined && ` – trying again in ${String(rejection.retryAfter)} s`}
        </p>
      </div>
      {again !== undefined && (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
